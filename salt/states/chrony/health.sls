# That it answers, not that it agrees with anybody yet: that takes minutes, and nobody waits for it.
{%- from 'lib/health.jinja' import answers with context %}
{{ answers('chrony_health_answers', 'chronyc -n tracking', 15) }}
