mariadb:
  packages: [mariadb-server]
  buffer_pool: 128M
  log_file: 48M
  max_connections: 2000  # for each database node; services on large machines have many processes
  cluster_cache: 128M  # what a node that was away can catch up with, without a whole copy
