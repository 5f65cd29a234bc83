{%- from 'lib/config.jinja' import printing, rendered, tools with context %}
include:
  - .package

{{ rendered('glance_config_file', '/etc/glance/glance-api.conf', 'glance/files/glance-api.conf.jinja',
            group='glance', secret=True,
            needed=['database.connection', 'keystone_authtoken.password', 'DEFAULT.bind_host']) }}

{{ printing('glance', ['glance-api']) }}

{{ tools('glance', {'config-check': 'lib/files/config_check.py', 'schema': 'lib/files/schema.py'}) }}
