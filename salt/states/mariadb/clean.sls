mariadb_clean_service:
  service.dead:
    - name: mariadb
    - enable: False

mariadb_clean_package:
  pkg.purged:
    - pkgs: {{ (pillar.mariadb.packages + pillar.mariadb.companions) | json }}
    - require:
      - service: mariadb_clean_service

mariadb_clean_config:
  file.absent:
    - names:
      - /etc/mysql/mariadb.conf.d/90-region.cnf
      - /etc/mysql/region-access.sql
    - require:
      - pkg: mariadb_clean_package
{%- if pillar.get('purge_data') %}

mariadb_clean_data:
  file.absent:
    - names:
      - /etc/mysql
      - /var/lib/mysql
      - /var/log/mysql
    - require:
      - file: mariadb_clean_config
{%- endif %}
