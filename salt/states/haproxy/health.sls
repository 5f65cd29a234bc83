{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/region.jinja' import here with context %}
{%- set url = 'https://' ~ here ~ ':' ~ pillar.endpoints.identity.public_port ~ '/v3' %}
{{ answers('haproxy_health_identity',
           'python3 -c \'import ssl, sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=5,'
           ' context=ssl.create_default_context(cafile="/etc/haproxy/region-ca.crt"))\' ' ~ url,
           45) }}
