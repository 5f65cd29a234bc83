trust:
  packages: [ca-certificates]
