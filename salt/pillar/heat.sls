heat:
  packages: [heat-api, heat-engine, python3-pymysql, python3-memcache]
  processes: 0  # of the API; 0: as many as the machine is fit for
  workers: 0  # of the engine; 0: the same
  deleted_rows_days: 30  # so long they stay in the database
