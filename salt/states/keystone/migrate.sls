# Widen the database for this version (all of its schema where there is none yet): once, on the canary,
# before its service starts. What only older services need goes afterwards (keystone.finish).
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/schema.jinja' import schema_current with context %}
include:
  - .config
  - .service

{{ ensured('keystone_migrate_schema', schema_current('keystone', 'expanded'),
           'if ' ~ schema_current('keystone', 'any') ~ '; then keystone-manage db_sync --expand;'
           ~ ' else keystone-manage db_sync; fi; keystone-manage db_sync --migrate',
           runas='keystone', timeout=600,
           requires=[{'file': 'keystone_config_file'}, {'file': 'keystone_config_tools'}],
           before=[{'service': 'keystone_service_running'}, {'unit': 'keystone_service_current'}]) }}
