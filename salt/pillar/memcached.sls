memcached:
  packages: [memcached]
  memory: 64  # MiB
