# The databases of nova and its map of cells: once, on one node, before services of this version
# start. cell0's address is a template that nova fills from nova.conf, so it needs no update.
{%- from 'lib/command.jinja' import ensured with context %}
{%- set versions = '/usr/lib/python3/dist-packages/nova/db/' %}
{%- set schema = '/usr/local/sbin/nova-schema /etc/nova/nova.conf ' %}
include:
  - .config

{{ ensured('nova_migrate_schema',
           schema ~ 'api_database ' ~ versions ~ 'api/migrations/versions && '
           ~ schema ~ 'database ' ~ versions ~ 'main/migrations/versions && '
           ~ schema ~ 'database ' ~ versions ~ 'main/migrations/versions nova_cell0 && '
           ~ '/usr/local/sbin/nova-cells check',
           'nova-manage api_db sync; '
           ~ "nova-manage cell_v2 map_cell0 --database_connection "
           ~ "'{scheme}://{username}:{password}@{hostname}:{port}/nova_cell0?{query}'; "
           ~ 'uuid=$(/usr/local/sbin/nova-cells name); '
           ~ 'if [[ $uuid ]]; then nova-manage cell_v2 update_cell --cell_uuid "$uuid" --name cell1; '
           ~ 'else nova-manage cell_v2 create_cell --name cell1; fi; nova-manage db sync',
           runas='nova', timeout=900, parallel=True,
           requires=[{'file': 'nova_config_file'}, {'file': 'nova_config_tools'}]) }}
