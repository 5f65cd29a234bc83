{%- from 'lib/health.jinja' import url_answers with context %}
{%- from 'lib/region.jinja' import backend_url with context %}
{{ url_answers('glance_health_answers', backend_url('image') ~ pillar.services.image.check, 60) }}
