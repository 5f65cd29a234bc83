{%- from 'lib/health.jinja' import unit_answers with context %}
{%- from 'lib/region.jinja' import backend_url with context %}
{{ unit_answers('placement_health_answers', 'placement-api',
                backend_url('placement') ~ pillar.services.placement.check, 60,
                files=['/etc/placement/placement.conf', '/etc/placement/placement-api-uwsgi.ini']) }}
