keystone_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.keystone.packages | json }}
    - refresh: False
    - install_recommends: False
