keystone:
  packages: [keystone, python3-pymysql, python3-memcache]
  processes: 2  # of one thread each
  token_expiration: 3600  # seconds
