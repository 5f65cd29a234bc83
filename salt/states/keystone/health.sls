{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/region.jinja' import here with context %}
{%- set backend = 'http://' ~ here ~ ':' ~ pillar.endpoints.identity.backend_port ~ '/v3' %}
{{ answers('keystone_health_token', '/usr/local/sbin/keystone-authenticate ' ~ backend, 60,
           env={'KEYSTONE_PASSWORD': pillar.secrets.keystone_admin}) }}
