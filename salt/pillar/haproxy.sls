haproxy:
  packages: [haproxy]
  max_connections: 1000
