# The database's schema of this version: once, on one node, before services of this version start.
{%- from 'lib/command.jinja' import ensured with context %}
include:
  - .config

{{ ensured('placement_migrate_schema',
           '/usr/local/sbin/placement-schema /etc/placement/placement.conf placement_database'
           ~ ' /usr/lib/python3/dist-packages/placement/db/sqlalchemy/alembic/versions',
           'placement-manage db sync', runas='placement', timeout=600, parallel=True,
           requires=[{'file': 'placement_config_file'}, {'file': 'placement_config_tools'}]) }}
