# Databases and accounts. The file asks the server what is missing; its answer is the SQL that
# brings it: nothing to bring, nothing to do.
{%- from 'lib/command.jinja' import ensured with context %}
{%- set ask = 'mariadb -N -r < /etc/mysql/region-access.sql' %}
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

# What an SQL error quotes may hold a password: only its number and kind are told.
{{ ensured('mariadb_access_granted',
           'missing=$(' ~ ask ~ ') && [[ -z $missing ]]',
           ask ~ " | mariadb 2>&1 | sed 's/^\\(ERROR [0-9]* ([0-9A-Z]*)\\).*/\\1/'",
           requires=[{'unit': 'mariadb_service_current'}, {'file': 'mariadb_access_file'}]) }}
