mariadb_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.mariadb.packages | json }}
    - refresh: False
    - install_recommends: False
