neutron:
  packages: [neutron-api, neutron-rpc-server, python3-pymysql, python3-memcache]
  processes: 0  # of the API; 0: as many as the machine is fit for
  workers: 0  # of the RPC server; 0: the same
  # The revisions of its database, or `heads` for those of the installed version. A release that
  # goes further also changes `schema` in roles.yml: there is no way back.
  schema: [heads]
