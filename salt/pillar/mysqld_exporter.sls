mysqld_exporter:
  packages: [prometheus-mysqld-exporter]
