glance:
  packages: [glance-api, python3-pymysql, python3-memcache]
  workers: 0  # 0: as many as the machine is fit for
