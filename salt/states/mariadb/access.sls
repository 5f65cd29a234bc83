# Databases and accounts. The file asks the server what is missing; its answer is the SQL that
# brings it: nothing to bring, nothing to do.
include:
  - .service

mariadb_access_file:
  file.managed:
    - name: /etc/mysql/region-access.sql
    - source: salt://mariadb/files/access.sql.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0600'
    - show_changes: False
    - require:
      - pkg: mariadb_package_installed

mariadb_access_granted:
  cmd.run:
    - name: set -o pipefail; mariadb -N -r < /etc/mysql/region-access.sql | mariadb
    - shell: /bin/bash
    - unless: missing=$(mariadb -N -r < /etc/mysql/region-access.sql) && test -z "$missing"
    - require:
      - cmd: mariadb_service_current
      - file: mariadb_access_file
