glance_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.glance.packages | json }}
    - refresh: False
    - install_recommends: False
