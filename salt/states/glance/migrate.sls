# The database's schema of this version: once, on one node, before services of this version start.
{%- from 'lib/command.jinja' import ensured with context %}
include:
  - .config

{{ ensured('glance_migrate_schema',
           '/usr/local/sbin/glance-schema /etc/glance/glance-api.conf database'
           ~ ' /usr/lib/python3/dist-packages/glance/db/sqlalchemy/alembic_migrations/versions',
           'glance-manage db_sync', runas='glance', timeout=600, parallel=True,
           requires=[{'file': 'glance_config_file'}, {'file': 'glance_config_tools'}]) }}
