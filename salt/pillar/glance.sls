glance:
  packages: [glance-api, python3-pymysql, python3-memcache]
  workers: 1
