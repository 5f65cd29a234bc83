horizon:
  packages: [openstack-dashboard, uwsgi-plugin-python3, python3-memcache]
  processes: 0  # 0: as many as the machine is fit for
  threads: 4  # of each
