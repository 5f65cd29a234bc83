keepalived:
  packages: [keepalived]
  router: 51  # the address's number among all of a network, 1 to 255
