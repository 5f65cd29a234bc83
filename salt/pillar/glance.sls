glance:
  packages: [glance-api, python3-pymysql, python3-memcache]
  workers: 1
  deleted_rows_days: 30  # so long they stay in the database
