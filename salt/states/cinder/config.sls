{%- from 'lib/config.jinja' import arguments, printing, rendered, tools with context %}
include:
  - .package

{{ rendered('cinder_config_file', '/etc/cinder/cinder.conf', 'cinder/files/cinder.conf.jinja',
            group='cinder', secret=True,
            needed=['DEFAULT.transport_url', 'database.connection', 'keystone_authtoken.password']) }}

{{ rendered('cinder_config_uwsgi', '/etc/cinder/cinder-api-uwsgi.ini',
            'cinder/files/api-uwsgi.ini.jinja') }}

{{ arguments('cinder', 'cinder-api', '--ini /etc/cinder/cinder-api-uwsgi.ini') }}

{{ printing('cinder', ['cinder-scheduler']) }}

{{ tools('cinder', {'alive': 'lib/files/alive.py', 'schema': 'lib/files/schema.py',
                    'config-check': 'lib/files/config_check.py'}) }}
