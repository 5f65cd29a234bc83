include:
  - .package

mariadb_config_file:
  file.managed:
    - name: /etc/mysql/mariadb.conf.d/90-region.cnf
    - source: salt://mariadb/files/region.cnf.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: sh -c 'mariadbd --defaults-file="$1" --user=mysql --help --verbose >/dev/null' check
    - require:
      - pkg: mariadb_package_installed

# Binary logs: apart from the data, so that they stay when those are put aside.
mariadb_config_logs:
  file.directory:
    - name: /var/lib/mysql-logs
    - user: mysql
    - group: mysql
    - mode: '0700'
    - require:
      - pkg: mariadb_package_installed
