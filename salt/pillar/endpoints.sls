# Where the services of the region listen, always on the management network.
endpoints:
  database: {port: 3306}
  cache: {port: 11211}
  identity: {backend_port: 5001, public_port: 5000}
