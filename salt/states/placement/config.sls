{%- from 'lib/config.jinja' import arguments, rendered, tools with context %}
include:
  - .package

{{ rendered('placement_config_file', '/etc/placement/placement.conf',
            'placement/files/placement.conf.jinja', group='placement', secret=True,
            needed=['placement_database.connection', 'keystone_authtoken.password']) }}

{{ rendered('placement_config_uwsgi', '/etc/placement/placement-api-uwsgi.ini',
            'placement/files/placement-api-uwsgi.ini.jinja') }}

{{ arguments('placement', 'placement-api', '--ini /etc/placement/placement-api-uwsgi.ini') }}

{{ tools('placement', {'config-check': 'lib/files/config_check.py',
                       'schema': 'lib/files/schema.py'}) }}
