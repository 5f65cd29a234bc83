neutron_linuxbridge_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.neutron_linuxbridge.packages | json }}
    - refresh: False
    - install_recommends: False
