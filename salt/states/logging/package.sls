logging_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.logging.packages | json }}
    - refresh: False
    - install_recommends: False
