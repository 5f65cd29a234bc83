firewall_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.firewall.packages | json }}
    - refresh: False
    - install_recommends: False
