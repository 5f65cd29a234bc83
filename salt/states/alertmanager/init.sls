include:
  - .package
  - .access
  - .config
  - .service
