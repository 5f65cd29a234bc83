# The database's schema of this version: once, on one node, before services of this version start.
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/schema.jinja' import schema_current with context %}
include:
  - .config

{{ ensured('glance_migrate_schema', schema_current('glance'),
           'glance-manage db_sync', runas='glance', timeout=600, parallel=True,
           requires=[{'file': 'glance_config_file'}, {'file': 'glance_config_tools'}]) }}
