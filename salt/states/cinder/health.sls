{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/region.jinja' import here with context %}
{%- set offer = pillar.services.volumev3 %}
{%- set url = 'http://' ~ here ~ ':' ~ offer.backend_port ~ offer.check %}
{{ answers('cinder_health_api',
           'python3 -c \'import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=20)\' ' ~ url,
           90) }}

{{ answers('cinder_health_alive',
           '/usr/local/sbin/cinder-alive /etc/cinder/cinder.conf service_user volumev3 '
           ~ pillar.environment.node ~ ' cinder-scheduler=cinder-scheduler', 120) }}
