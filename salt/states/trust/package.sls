trust_package_installed:
  pkg.installed:
    - pkgs: {{ pillar.trust.packages | json }}
    - refresh: False
    - install_recommends: False
