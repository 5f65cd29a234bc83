# Bring the database to this version's schema: once, on the canary, before its service starts.
{%- from 'lib/command.jinja' import ensured with context %}
include:
  - .config
  - .service

{{ ensured('keystone_migrate_schema', '/usr/local/sbin/keystone-schema /etc/keystone/keystone.conf database'
           ~ ' /usr/lib/python3/dist-packages/keystone/common/sql/migrations/versions',
           'keystone-manage db_sync',
           runas='keystone', timeout=600,
           requires=[{'file': 'keystone_config_file'}, {'file': 'keystone_config_tools'}],
           before=[{'service': 'keystone_service_running'}, {'unit': 'keystone_service_current'}]) }}
