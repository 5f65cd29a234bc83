{%- from 'lib/health.jinja' import url_answers with context %}
{%- from 'lib/region.jinja' import backend_url with context %}
{{ url_answers('placement_health_answers', backend_url('placement') ~ pillar.services.placement.check, 60) }}
