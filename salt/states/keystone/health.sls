{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/region.jinja' import backend_url with context %}
{{ answers('keystone_health_token', '/usr/local/sbin/keystone-authenticate ' ~ backend_url('identity'), 60,
           env_pillar={'KEYSTONE_PASSWORD': 'secrets:keystone_admin'}) }}
