openstack_exporter:
  packages: [ca-certificates]
