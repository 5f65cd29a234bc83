placement:
  packages: [placement-api, python3-pymysql, python3-memcache]
  processes: 2  # of one thread each
