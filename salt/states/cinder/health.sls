{%- from 'lib/health.jinja' import answers, unit_answers with context %}
{%- from 'lib/region.jinja' import inside with context %}
{%- set offer = pillar.services.volumev3 %}
{%- set url = 'http://' ~ inside ~ ':' ~ offer.backend_port ~ offer.check %}
{{ unit_answers('cinder_health_api', 'cinder-api', url, 90, files=['/etc/cinder/cinder.conf']) }}

{{ answers('cinder_health_alive',
           '/usr/local/sbin/cinder-alive /etc/cinder/cinder.conf service_user volumev3 '
           ~ pillar.environment.node ~ ' cinder-scheduler=cinder-scheduler', 120) }}
