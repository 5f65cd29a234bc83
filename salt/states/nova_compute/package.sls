nova_compute_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.nova_compute.packages | json }}
    - refresh: False
    - install_recommends: False
