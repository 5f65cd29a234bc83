horizon_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.horizon.packages | json }}
    - refresh: False
    - install_recommends: False
