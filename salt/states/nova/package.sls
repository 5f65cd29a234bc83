nova_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.nova.packages | json }}
    - refresh: False
    - install_recommends: False
