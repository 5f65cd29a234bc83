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

haproxy_tls_authority:
  file.managed:
    - name: /etc/haproxy/region-ca.crt
    - contents: {{ pillar.environment.ca | json }}
    - user: root
    - group: root
    - mode: '0644'
    - require:
      - pkg: haproxy_package_installed
