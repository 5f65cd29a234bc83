neutron_gateway:
  packages: [neutron-dhcp-agent, neutron-l3-agent, neutron-metadata-agent, conntrack, ebtables,
             ipset, iptables, keepalived, python3-amqp, python3-memcache]
