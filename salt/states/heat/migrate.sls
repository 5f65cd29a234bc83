# The database's schema of this version, and the domain of what stacks make in keystone: once, on one
# node, before services of this version start.
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/schema.jinja' import schema_current with context %}
include:
  - .config
  - .domain

{{ ensured('heat_migrate_schema', schema_current('heat'),
           'heat-manage db_sync', runas='heat', timeout=600, parallel=True,
           requires=[{'file': 'heat_config_file'}, {'file': 'heat_config_tools'}]) }}
