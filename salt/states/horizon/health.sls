{%- from 'lib/health.jinja' import unit_answers with context %}
{%- from 'lib/region.jinja' import backend_url with context %}
{{ unit_answers('horizon_health_answers', 'horizon',
                backend_url('dashboard') ~ pillar.services.dashboard.check, 90,
                files=['/etc/openstack-dashboard/local_settings.d/_9000_region.py']) }}
