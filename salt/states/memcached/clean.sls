memcached_clean_service:
  service.dead:
    - name: memcached
    - enable: False

memcached_clean_package:
  pkg.purged:
    - pkgs: {{ pillar.memcached.packages | json }}
    - require:
      - service: memcached_clean_service

memcached_clean_config:
  file.absent:
    - names:
      - /etc/memcached.conf
      - /var/log/memcached.log
    - require:
      - pkg: memcached_clean_package
