vendor_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.vendor.packages | json }}
    - refresh: False
    - install_recommends: False
