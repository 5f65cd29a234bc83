haproxy:
  packages: [haproxy]
  max_connections: 1000
  queue: 500  # requests that wait for one service; who comes then is told to come later (429)
