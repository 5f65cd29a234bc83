horizon:
  packages: [openstack-dashboard, uwsgi-plugin-python3, python3-memcache]
  processes: 1
  threads: 4
