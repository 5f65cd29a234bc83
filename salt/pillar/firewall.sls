firewall:
  packages: [nftables]
  uplink: eth0  # the provider's own interface: SSH in, nothing else
