include:
  - .tls

haproxy_config_file:
  file.managed:
    - name: /etc/haproxy/haproxy.cfg
    - source: salt://haproxy/files/haproxy.cfg.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: haproxy -c -q -f
    - require:
      - file: haproxy_tls_certificate
