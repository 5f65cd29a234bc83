# Where several nodes are the database: what tells how this one is, whether its server runs or not.
{%- from 'lib/config.jinja' import rendered, tools with context %}
{%- from 'lib/region.jinja' import several with context %}
{%- from 'lib/service.jinja' import loaded, running with context %}
{%- if several('database') %}
include:
  - .config
  - .tls

{{ rendered('mariadb_cluster_nodes', '/etc/mysql/region-cluster.json',
            'mariadb/files/cluster.json.jinja', component='mariadb') }}

{{ rendered('mariadb_cluster_unit', '/etc/systemd/system/mariadb-watch.service',
            'mariadb/files/mariadb-watch.service.jinja', component='mariadb') }}

{{ loaded('mariadb_cluster_unit_loaded', ['mariadb-watch'],
          requires=[{'file': 'mariadb_cluster_unit'}]) }}

{{ tools('mariadb', {'cluster': 'mariadb/files/cluster.py'}, id='mariadb_cluster_tools') }}

{{ running('mariadb_cluster_watch', 'mariadb-watch',
           ['/etc/mysql/region-cluster.json', '/etc/systemd/system/mariadb-watch.service',
            '/usr/local/sbin/mariadb-cluster'],
           requires=[{'unit': 'mariadb_cluster_unit_loaded'}, {'file': 'mariadb_cluster_nodes'},
                     {'file': 'mariadb_cluster_tools'}]) }}
{%- endif %}
