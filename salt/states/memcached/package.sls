memcached_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.memcached.packages | json }}
    - refresh: False
    - install_recommends: False
