# Hypervisors that are new get their place in the map of cells: without it nothing is scheduled there.
{%- from 'lib/command.jinja' import ensured with context %}
{{ ensured('nova_discover_hosts', '/usr/local/sbin/nova-cells hosts',
           'nova-manage cell_v2 discover_hosts', runas='nova', timeout=120) }}
