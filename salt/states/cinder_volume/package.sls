cinder_volume_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.cinder_volume.packages | json }}
    - refresh: False
    - install_recommends: False
