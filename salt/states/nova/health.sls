{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/region.jinja' import here with context %}
{%- for service, page in {'compute': '', 'metadata': '', 'console': 'vnc_lite.html'}.items() %}
{%- set url = 'http://' ~ here ~ ':' ~ pillar.services[service].backend_port ~ '/' ~ page %}
{{ answers('nova_health_' ~ service,
           'python3 -c \'import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=20)\' ' ~ url,
           90) }}
{%- endfor %}

{{ answers('nova_health_alive',
           '/usr/local/sbin/nova-alive /etc/nova/nova.conf service_user compute '
           ~ pillar.environment.node
           ~ ' nova-conductor=nova-conductor nova-scheduler=nova-scheduler', 120) }}
