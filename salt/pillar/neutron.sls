neutron:
  packages: [neutron-api, neutron-rpc-server, python3-pymysql, python3-memcache]
  processes: 2  # of the API; one thread each, as its event loop allows no more
  workers: 1
  # The revisions of its database, or `heads` for those of the installed version. A release that
  # goes further also changes `schema` in roles.yml: there is no way back.
  schema: [heads]
