# Begin the cluster: once, on one node; after an outage of all nodes on the one that knows most. The
# orchestration applies this on all database nodes side by side, when every one of them has its
# watch: they come to the same decision, and one acts.
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/region.jinja' import several with context %}
{%- if several('database') %}
include:
  - .cluster

{{ ensured('mariadb_found_cluster', '/usr/local/sbin/mariadb-cluster founded',
           '/usr/local/sbin/mariadb-cluster found', timeout=600,
           requires=[{'file': 'mariadb_config_file'}, {'file': 'mariadb_config_logs'},
                     {'file': 'mariadb_tls_settings'}, {'file': 'mariadb_tls_certificate'},
                     {'file': 'mariadb_tls_key'},
                     {'unit': 'mariadb_cluster_watch_current'}]) }}
{%- endif %}
