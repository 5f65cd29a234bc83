keepalived_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.keepalived.packages | json }}
    - refresh: False
    - install_recommends: False
