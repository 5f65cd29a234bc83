{%- from 'lib/health.jinja' import answers, unit_answers with context %}
{%- from 'lib/region.jinja' import inside with context %}
{%- set offer = pillar.services.orchestration %}
{{ unit_answers('heat_health_api', 'heat-api', 'http://' ~ inside ~ ':' ~ offer.backend_port ~ offer.check,
                90, files=['/etc/heat/heat.conf']) }}

{{ answers('heat_health_alive',
           '/usr/local/sbin/heat-alive /etc/heat/heat.conf keystone_authtoken orchestration '
           ~ pillar.environment.node ~ ' heat-engine=heat-engine', 120) }}
