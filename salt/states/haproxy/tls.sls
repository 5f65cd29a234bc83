include:
  - .package

haproxy_tls_certificate:
  file.managed:
    - name: /etc/haproxy/region.pem
    - contents_pillar:
      - secrets:load_balancer_tls:certificate
      - secrets:load_balancer_tls:key
    - user: root
    - group: root
    - mode: '0600'
    - show_changes: False
    - require:
      - pkg: haproxy_package_installed
