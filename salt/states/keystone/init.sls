include:
  - .package
  - .config
  - .keys
  - .service
  - .tidy
