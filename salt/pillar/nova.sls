nova:
  packages:
    [nova-api, nova-conductor, nova-scheduler, nova-consoleproxy, python3-pymysql,
     python3-memcache]
  processes: 2  # of each API; one thread each, as its event loop allows no more
  workers: 1
  deleted_rows_days: 30  # so long they stay in the database
