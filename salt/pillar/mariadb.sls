mariadb:
  packages: [mariadb-server]
  buffer_pool: 64M
  max_connections: 200
