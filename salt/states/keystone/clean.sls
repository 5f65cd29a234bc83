keystone_clean_service:
  service.dead:
    - name: keystone
    - enable: False

keystone_clean_package:
  pkg.purged:
    - pkgs: {{ (pillar.keystone.packages + pillar.keystone.companions) | json }}
    - require:
      - service: keystone_clean_service

# The keys are the environment's, issued by its master: not data of this node.
keystone_clean_config:
  file.absent:
    - names:
      - /etc/keystone
      - /etc/default/keystone
      - /usr/local/sbin/keystone-authenticate
      - /usr/local/sbin/keystone-config-check
      - /usr/local/sbin/keystone-schema
      - /var/log/keystone
      - /var/lib/keystone
      - /var/cache/keystone
    - require:
      - pkg: keystone_clean_package
