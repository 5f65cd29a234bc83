prometheus:
  packages: [prometheus, python3-bcrypt]
  interval: 30  # seconds between two looks at every figure
  retention: 15d
  disk: 4GB  # the oldest figures go before their time where they take more
  memory: 256MiB  # beyond it memory is freed more eagerly; no limit
