keystone:
  packages: [keystone, python3-pymysql, python3-memcache]
  processes: 1
  threads: 8
  token_expiration: 3600  # seconds
