neutron:
  packages: [neutron-api, neutron-rpc-server, python3-pymysql, python3-memcache]
  processes: 2  # of the API; one thread each, as its event loop allows no more
  workers: 1
