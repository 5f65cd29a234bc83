node_exporter_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.node_exporter.packages | json }}
    - refresh: False
    - install_recommends: False
