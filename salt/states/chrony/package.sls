chrony_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.chrony.packages | json }}
    - refresh: False
    - install_recommends: False
