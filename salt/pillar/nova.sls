nova:
  packages:
    [nova-api, nova-conductor, nova-scheduler, nova-consoleproxy, python3-pymysql,
     python3-memcache]
  processes: 0  # of each API; 0: as many as the machine is fit for
  workers: 0  # of conductor and scheduler each; 0: the same
  # Of so many hypervisors that fit best, one is taken by chance: what was just placed on one is not
  # seen by the next request.
  best_hosts: 4
  deleted_rows_days: 30  # so long they stay in the database
