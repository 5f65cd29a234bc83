include:
  - .package

haproxy_tls_certificate:
  file.managed:
    - name: /etc/haproxy/region.pem
    - contents: {{ (pillar.secrets.load_balancer_tls.certificate.strip() ~ '\n'
                    ~ pillar.secrets.load_balancer_tls.key) | json }}
    - user: root
    - group: root
    - mode: '0600'
    - show_changes: False
    - require:
      - pkg: haproxy_package_installed
