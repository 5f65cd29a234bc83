include:
  - .package
  - .config
  - .service
  - .tidy
