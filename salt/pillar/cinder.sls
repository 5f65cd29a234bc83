cinder:
  packages: [cinder-api, cinder-scheduler, python3-pymysql, python3-memcache]
  processes: 0  # of the API; 0: as many as the machine is fit for
  deleted_rows_days: 30  # so long they stay in the database
