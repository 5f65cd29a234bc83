{%- from 'lib/config.jinja' import arguments, rendered, tools with context %}
include:
  - .package

{{ rendered('keystone_config_file', '/etc/keystone/keystone.conf', 'keystone/files/keystone.conf.jinja',
            group='keystone', secret=True, needed=['database.connection', 'token.provider']) }}

{{ rendered('keystone_config_uwsgi', '/etc/keystone/keystone-uwsgi.ini',
            'keystone/files/keystone-uwsgi.ini.jinja') }}

{{ arguments('keystone', 'keystone', '--ini /etc/keystone/keystone-uwsgi.ini') }}

{{ tools('keystone', {'authenticate': 'keystone/files/authenticate.py',
                      'catalogue': 'keystone/files/catalogue.py',
                      'config-check': 'lib/files/config_check.py',
                      'schema': 'lib/files/schema.py'}) }}
