# The databases of nova and its map of cells: once, on one node, before services of this version
# start. cell0's address is a template that nova fills from nova.conf, so it needs no update.
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/schema.jinja' import schema_current with context %}
include:
  - .config

{{ ensured('nova_migrate_schema',
           schema_current('nova') ~ ' && /usr/local/sbin/nova-cells check',
           'nova-manage api_db sync; '
           ~ "nova-manage cell_v2 map_cell0 --database_connection "
           ~ "'{scheme}://{username}:{password}@{hostname}:{port}/nova_cell0?{query}'; "
           ~ 'uuid=$(/usr/local/sbin/nova-cells name); '
           ~ 'if [[ $uuid ]]; then nova-manage cell_v2 update_cell --cell_uuid "$uuid" --name cell1; '
           ~ 'else nova-manage cell_v2 create_cell --name cell1; fi; nova-manage db sync',
           runas='nova', timeout=900, parallel=True,
           requires=[{'file': 'nova_config_file'}, {'file': 'nova_config_tools'}]) }}

# Whether the data are such as this version can work with, before its services start: where nova ran
# before (finish.sls notes it), once per version. Status 1 are warnings.
{{ ensured('nova_migrate_ready',
           '[[ ! -e /var/lib/nova/finished || /var/lib/nova/finished -nt /var/lib/dpkg/info/python3-nova.list ]]',
           'status=0; nova-status upgrade check || status=$?; [[ $status -le 1 ]]',
           runas='nova', timeout=300, requires=[{'command': 'nova_migrate_schema'}]) }}
