mariadb:
  packages: [mariadb-server]
  buffer_pool: 128M
  log_file: 48M
  max_connections: 400
  cluster_cache: 128M  # what a node that was away can catch up with, without a whole copy
  # Made where some node has one of `roles`; those nodes may read and write it as `user`, with the
  # secret <user>_database.
  databases:
    - {name: keystone, user: keystone, roles: [identity]}
    - {name: glance, user: glance, roles: [image]}
    - {name: placement, user: placement, roles: [placement]}
    - {name: nova_api, user: nova, roles: [compute-api]}
    - {name: nova, user: nova, roles: [compute-api]}
    - {name: nova_cell0, user: nova, roles: [compute-api]}
    - {name: neutron, user: neutron, roles: [network-api]}
    - {name: cinder, user: cinder, roles: [volume-api, volume]}
