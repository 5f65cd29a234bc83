node_exporter:
  packages: [prometheus-node-exporter]
