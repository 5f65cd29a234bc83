# Narrow the database: once, when every node runs this version.
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/schema.jinja' import schema_current with context %}
{{ ensured('keystone_finish_schema', schema_current('keystone'), 'keystone-manage db_sync --contract',
           runas='keystone', timeout=600, parallel=True) }}
