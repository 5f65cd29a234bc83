include:
  - .package
  - .config
  - .peers
  - .service
