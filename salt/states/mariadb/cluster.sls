# Where several nodes are the database: what tells how this one is, whether its server runs or not.
{%- from 'lib/config.jinja' import rendered, tools with context %}
{%- from 'lib/region.jinja' import several with context %}
{%- from 'lib/service.jinja' import loaded, running with context %}
{%- if several('database') %}
include:
  - .config

{{ rendered('mariadb_config_cluster', '/etc/mysql/region-cluster.json',
            'mariadb/files/cluster.json.jinja') }}

{{ rendered('mariadb_config_watch', '/etc/systemd/system/mariadb-watch.service',
            'mariadb/files/mariadb-watch.service.jinja') }}

{{ loaded('mariadb_config_watch_loaded', ['mariadb-watch'],
          requires=[{'file': 'mariadb_config_watch'}]) }}

{{ tools('mariadb', {'cluster': 'mariadb/files/cluster.py'}) }}

{{ running('mariadb_watch', 'mariadb-watch',
           ['/etc/mysql/region-cluster.json', '/etc/systemd/system/mariadb-watch.service',
            '/usr/local/sbin/mariadb-cluster'],
           requires=[{'unit': 'mariadb_config_watch_loaded'}, {'file': 'mariadb_config_cluster'},
                     {'file': 'mariadb_config_tools'}]) }}
{%- endif %}
