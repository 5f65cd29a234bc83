# Where what carries the region listens, always on the management network; its services do so at the
# ports that the role map names (roles.yml, `offers`).
endpoints:
  # Beside `port`, where several nodes are the database: what clients use at the load balancer, how
  # each node is (HTTP), and what the nodes use among themselves.
  database: {port: 3306, front_port: 3307, watch_port: 9200,
             cluster_port: 4567, catch_up_port: 4568, transfer_port: 4444}
  # `names_port` and `cluster_port` are the nodes' own, among themselves.
  messaging: {port: 5672, tls_port: 5671, names_port: 4369, cluster_port: 25672}
  cache: {port: 11211}
  volume_target: {port: 3260}
  # Of hypervisors among themselves, all by TLS: libvirt (at the port that its clients expect: nova
  # names no other), files of instances that move, and by which ports, from the first to the last,
  # QEMU takes over memory and disks.
  moves: {libvirt_port: 16514, files_port: 16515, first_port: 49152, last_port: 49215}
  # Where a node's services are for load balancers on other nodes, by TLS.
  services: {port: 8443}
  # Where a load balancer says that it is alive, to the node itself.
  balancer: {alive_port: 8404}
  # Figures of the nodes with `role`, or of all, which monitoring reads at /metrics.
  metrics:
    node: {port: 9100}
    mysqld: {role: database, port: 9104}
    rabbitmq: {role: messaging, port: 15692}
    memcached: {role: cache, port: 9150}
    haproxy: {role: load-balancer, port: 8405}
    libvirt: {role: hypervisor, port: 9177}
    openstack: {role: monitoring, port: 9180}
  # By TLS and with a password, so for people, too.
  monitoring: {port: 9090, alerts_port: 9093}

region: RegionOne
