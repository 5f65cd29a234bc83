{%- from 'lib/region.jinja' import several with context %}
{%- from 'lib/service.jinja' import current, running with context %}
{%- set files = ['/etc/mysql/mariadb.conf.d/90-region.cnf', '/var/lib/dpkg/info/mariadb-server.list'] %}
include:
  - .config
{%- if several('database') %}
  - .join

# Restarts wait for each other's end: of a cluster only one node may be away.
{{ current('mariadb_service', 'mariadb', files, by='/usr/local/sbin/mariadb-cluster restart',
           timeout=1500, requires=[{'service': 'mariadb_join_running'}]) }}
{%- else %}

{{ running('mariadb_service', 'mariadb', files, requires=[{'file': 'mariadb_config_file'}, {'file': 'mariadb_config_logs'}]) }}
{%- endif %}
