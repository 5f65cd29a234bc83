include:
  - .package
  - .config
  - .tls
  - .service
