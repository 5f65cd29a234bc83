{%- from 'lib/config.jinja' import rendered, tools with context %}
include:
  - .package

{{ rendered('glance_config_file', '/etc/glance/glance-api.conf', 'glance/files/glance-api.conf.jinja',
            group='glance', secret=True,
            needed=['database.connection', 'keystone_authtoken.password', 'DEFAULT.bind_host']) }}

{{ tools('glance', {'config-check': 'lib/files/config_check.py', 'schema': 'lib/files/schema.py'}) }}
