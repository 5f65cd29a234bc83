placement:
  packages: [placement-api, python3-pymysql, python3-memcache]
  processes: 1
  threads: 8
