keystone:
  packages: [keystone, python3-pymysql, python3-memcache]
  # What the package brings along and only clean takes out again.
  companions: [keystone-common, python3-keystone]
  region: RegionOne
  processes: 1
  threads: 8
  token_expiration: 3600  # seconds
