{%- from 'lib/health.jinja' import unit_answers with context %}
{%- from 'lib/region.jinja' import backend_url with context %}
{{ unit_answers('glance_health_answers', 'glance-api',
                backend_url('image') ~ pillar.services.image.check, 60,
                files=['/etc/glance/glance-api.conf']) }}
