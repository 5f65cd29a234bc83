node_exporter:
  packages: [prometheus-node-exporter]
  port: 9100
