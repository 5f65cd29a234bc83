heat:
  packages: [heat-api, heat-engine, python3-pymysql, python3-memcache]
  processes: 2  # of the API; one thread each
  workers: 1  # of the engine
  deleted_rows_days: 30  # so long they stay in the database
