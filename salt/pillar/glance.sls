glance:
  packages: [glance-api, python3-pymysql, python3-memcache]
  workers: 0  # 0: as many as the machine is fit for
  deleted_rows_days: 30  # so long they stay in the database
