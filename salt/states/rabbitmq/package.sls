rabbitmq_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.rabbitmq.packages | json }}
    - refresh: False
    - install_recommends: False
