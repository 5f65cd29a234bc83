cinder_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.cinder.packages | json }}
    - refresh: False
    - install_recommends: False
