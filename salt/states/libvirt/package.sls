libvirt_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.libvirt.packages | json }}
    - refresh: False
    - install_recommends: False
