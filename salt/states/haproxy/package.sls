haproxy_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.haproxy.packages | json }}
    - refresh: False
    - install_recommends: False
