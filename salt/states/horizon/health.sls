{%- from 'lib/health.jinja' import url_answers with context %}
{%- from 'lib/region.jinja' import backend_url with context %}
{{ url_answers('horizon_health_answers', backend_url('dashboard') ~ pillar.services.dashboard.check, 90) }}
