placement_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.placement.packages | json }}
    - refresh: False
    - install_recommends: False
