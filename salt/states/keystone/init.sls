include:
  - .package
  - .config
  - .keys
  - .service
