{%- from 'lib/config.jinja' import arguments, printing, rendered, tools, unit_settings with context %}
include:
  - .package

{{ rendered('heat_config_file', '/etc/heat/heat.conf', 'heat/files/heat.conf.jinja', group='heat',
            secret=True, needed=['DEFAULT.transport_url', 'DEFAULT.auth_encryption_key',
                                 'database.connection', 'keystone_authtoken.password']) }}

{{ rendered('heat_config_uwsgi', '/etc/heat/heat-api-uwsgi.ini', 'heat/files/api-uwsgi.ini.jinja') }}

{{ arguments('heat', 'heat-api', '--ini /etc/heat/heat-api-uwsgi.ini') }}

{{ printing('heat', ['heat-engine']) }}

{{ tools('heat', {'alive': 'lib/files/alive.py', 'schema': 'lib/files/schema.py',
                  'domain': 'heat/files/domain.py', 'config-check': 'lib/files/config_check.py'}) }}

# What the engine loads beside its own resources (plugin_dirs); the file says why.
heat_config_plugin:
  file.managed:
    - name: /usr/local/lib/heat/stored_context.py
    - source: salt://heat/files/stored_context.py
    - makedirs: True
    - user: root
    - group: root
    - mode: '0644'

# An engine that is told to stop finishes what it has begun for a stack; the package would kill it
# after 15 s.
{{ unit_settings('heat', {'heat-engine.service': ['TimeoutStopSec=90']}) }}
