neutron_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.neutron.packages | json }}
    - refresh: False
    - install_recommends: False
