libvirt_exporter:
  packages: [prometheus-libvirt-exporter]
