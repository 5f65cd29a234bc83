# An account without any right, for who is `prometheus` on this very node: no password to be kept.
# Of a cluster each node makes sure of it, since which is the first may change.
{%- from 'lib/command.jinja' import ensured with context %}
{%- set as_wanted = "User = 'prometheus' AND Host = 'localhost' AND plugin = 'unix_socket'"
      ~ " AND max_user_connections = 3 AND Select_priv = 'N' AND Process_priv = 'N' AND Super_priv = 'N'" %}
include:
  - .service

{{ ensured('mysqld_exporter_access_granted',
           'found=$(mariadb -N -e "SELECT 1 FROM mysql.user WHERE ' ~ as_wanted ~ '") && [[ $found == 1 ]]',
           'mariadb -e "CREATE OR REPLACE USER prometheus@localhost IDENTIFIED VIA unix_socket'
           ~ ' WITH MAX_USER_CONNECTIONS 3"') }}
