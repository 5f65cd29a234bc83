neutron_linuxbridge:
  packages: [neutron-linuxbridge-agent, conntrack, ebtables, ipset, iptables, python3-amqp]
