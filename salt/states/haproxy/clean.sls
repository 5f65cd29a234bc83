haproxy_clean_service:
  service.dead:
    - name: haproxy
    - enable: False

haproxy_clean_package:
  pkg.purged:
    - pkgs: {{ pillar.haproxy.packages | json }}
    - require:
      - service: haproxy_clean_service

haproxy_clean_config:
  file.absent:
    - names:
      - /etc/haproxy
      - /var/lib/haproxy
      - /run/haproxy
    - require:
      - pkg: haproxy_clean_package
