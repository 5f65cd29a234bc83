# The database's schema of this version: once, on one node, before services of this version start.
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/schema.jinja' import schema_current with context %}
include:
  - .config

{{ ensured('cinder_migrate_schema', schema_current('cinder'),
           'cinder-manage db sync', runas='cinder', timeout=600, parallel=True,
           requires=[{'file': 'cinder_config_file'}, {'file': 'cinder_config_tools'}]) }}
