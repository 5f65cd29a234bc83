firewall:
  packages: [nftables]
