# That this node is in the cluster: before the next one is touched.
{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/region.jinja' import several with context %}
{%- if several('database') %}
{{ answers('mariadb_synced_node', '/usr/local/sbin/mariadb-cluster synced 1', 120) }}
{%- endif %}
