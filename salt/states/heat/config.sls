{%- from 'lib/config.jinja' import arguments, rendered, tools, unit_settings with context %}
include:
  - .package

{{ rendered('heat_config_file', '/etc/heat/heat.conf', 'heat/files/heat.conf.jinja', group='heat',
            secret=True, needed=['DEFAULT.transport_url', 'DEFAULT.auth_encryption_key',
                                 'database.connection', 'keystone_authtoken.password']) }}

{{ rendered('heat_config_uwsgi', '/etc/heat/heat-api-uwsgi.ini', 'heat/files/api-uwsgi.ini.jinja') }}

{{ arguments('heat', 'heat-api', '--ini /etc/heat/heat-api-uwsgi.ini') }}

{{ tools('heat', {'alive': 'lib/files/alive.py', 'schema': 'lib/files/schema.py',
                  'domain': 'heat/files/domain.py', 'config-check': 'lib/files/config_check.py'}) }}

# An engine that is told to stop finishes what it has begun for a stack; the package would kill it
# after 15 s.
{{ unit_settings('heat', {'heat-engine.service': ['TimeoutStopSec=90']}) }}
