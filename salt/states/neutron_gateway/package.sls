neutron_gateway_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.neutron_gateway.packages | json }}
    - refresh: False
    - install_recommends: False
