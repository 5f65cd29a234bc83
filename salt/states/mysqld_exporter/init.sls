include:
  - .package
  - .config
  - .service
  - .access
