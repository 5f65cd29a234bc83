# Where the services of the region listen, always on the management network.
endpoints:
  # Beside `port`, where several nodes are the database: what clients use at the load balancer, how
  # each node is (HTTP), and what the nodes use among themselves.
  database: {port: 3306, front_port: 3307, watch_port: 9200,
             cluster_port: 4567, catch_up_port: 4568, transfer_port: 4444}
  # `names_port` and `cluster_port` are the nodes' own, among themselves.
  messaging: {port: 5672, names_port: 4369, cluster_port: 25672}
  cache: {port: 11211}
  volume_target: {port: 3260}
  # Where a load balancer says that it is alive, to the node itself.
  balancer: {alive_port: 8404}

# What the load balancer offers over TLS at `public_port`, by its type in keystone's catalogue.
# Behind it the nodes with `role` answer plain HTTP at `backend_port`; `check` is a path that
# answers 2xx or 3xx without credentials. A service is offered and registered where some node has
# its role; `user` is its account in keystone. `one_at_a_time`: its nodes do not share what they
# keep, so only the first that is healthy is asked.
services:
  identity:
    {role: identity, component: keystone, public_port: 5000, backend_port: 15000,
     path: /v3, check: /v3}
  image:
    {role: image, component: glance, public_port: 9292, backend_port: 19292,
     path: '', check: /healthcheck, user: glance, one_at_a_time: true}
  placement:
    {role: placement, component: placement, public_port: 8778, backend_port: 18778,
     path: '', check: /, user: placement}
  compute:
    {role: compute-api, component: nova, public_port: 8774, backend_port: 18774,
     path: /v2.1, check: /, user: nova}
  network:
    {role: network-api, component: neutron, public_port: 9696, backend_port: 19696,
     path: '', check: /, user: neutron}
  volumev3:
    {role: volume-api, component: cinder, public_port: 8776, backend_port: 18776,
     path: /v3/%(project_id)s, check: /healthcheck, user: cinder}
  metadata:
    {role: compute-api, component: nova, public_port: 8775, backend_port: 18775,
     path: '', check: /, catalogue: false}
  console:
    {role: compute-api, component: nova, public_port: 6080, backend_port: 16080,
     path: '', check: /vnc_lite.html, catalogue: false}
  dashboard:
    {role: dashboard, component: horizon, public_port: 443, backend_port: 18443,
     path: '', check: /auth/login/, catalogue: false}

region: RegionOne
