cinder:
  packages: [cinder-api, cinder-scheduler, python3-pymysql, python3-memcache]
  processes: 2  # of the API; one thread each, as its event loop allows no more
  deleted_rows_days: 30  # so long they stay in the database
