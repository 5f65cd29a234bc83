mariadb:
  packages: [mariadb-server]
  # What the package brings along and only clean takes out again.
  companions: [mariadb-server-core, mariadb-client, mariadb-client-core, mariadb-common, mysql-common]
  buffer_pool: 64M
  max_connections: 200
