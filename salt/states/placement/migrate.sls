# The database's schema of this version: once, on one node, before services of this version start.
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/schema.jinja' import schema_current with context %}
include:
  - .config

{{ ensured('placement_migrate_schema', schema_current('placement'),
           'placement-manage db sync', runas='placement', timeout=600, parallel=True,
           requires=[{'file': 'placement_config_file'}, {'file': 'placement_config_tools'}]) }}
