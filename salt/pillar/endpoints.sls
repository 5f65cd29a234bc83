# Where the services of the region listen, always on the management network.
endpoints:
  database: {port: 3306}
  messaging: {port: 5672}
  cache: {port: 11211}

# What the load balancer offers over TLS at `public_port`, by its type in keystone's catalogue.
# Behind it the nodes with `role` answer plain HTTP at `backend_port`; `check` is a path that
# answers 2xx or 3xx without credentials. A service is offered and registered where some node has
# its role; `user` is its account in keystone.
services:
  identity:
    {role: identity, component: keystone, public_port: 5000, backend_port: 15000,
     path: /v3, check: /v3}
  image:
    {role: image, component: glance, public_port: 9292, backend_port: 19292,
     path: '', check: /healthcheck, user: glance}
  placement:
    {role: placement, component: placement, public_port: 8778, backend_port: 18778,
     path: '', check: /, user: placement}
  compute:
    {role: compute-api, component: nova, public_port: 8774, backend_port: 18774,
     path: /v2.1, check: /, user: nova}
  network:
    {role: network-api, component: neutron, public_port: 9696, backend_port: 19696,
     path: '', check: /, user: neutron}
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
