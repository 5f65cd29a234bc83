# Start the server where it is down: it joins the cluster that mariadb.found began. No restart, so all
# nodes may do it side by side, before one of them leaves the cluster for a new configuration.
{%- from 'lib/region.jinja' import several with context %}
{%- if several('database') %}
include:
  - .cluster

mariadb_join_running:
  service.running:
    - name: mariadb
    - enable: True
    - unmask: True
    - require:
      - file: mariadb_config_file
      - file: mariadb_config_logs
      - file: mariadb_tls_settings
      - file: mariadb_tls_certificate
      - file: mariadb_tls_key
      - unit: mariadb_cluster_watch_current
{%- endif %}
