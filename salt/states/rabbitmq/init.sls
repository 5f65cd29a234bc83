include:
  - .package
  - .config
  - .tls
  - .service
  - .access
