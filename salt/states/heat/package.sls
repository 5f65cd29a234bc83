heat_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.heat.packages | json }}
    - refresh: False
    - install_recommends: False
