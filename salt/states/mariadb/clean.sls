# gawk came with the server, and apt keeps any awk by itself: base-files wants one.
{%- from 'lib/clean.jinja' import cleaned with context %}
{%- from 'lib/region.jinja' import several with context %}
{%- from 'lib/timer.jinja' import unit_files with context %}
{%- set clustered = several('database') %}
{%- set timers = ['mariadb-backup', 'mariadb-backup-logs'] %}
{{ cleaned('mariadb', ['mariadb-backup.timer', 'mariadb-backup-logs.timer', 'mariadb']
                      + (['mariadb-watch'] if clustered else []),
           pillar.mariadb.packages + ['gawk'], user=['mysql', 'stunnel4'],
           files=['/etc/mysql/mariadb.conf.d/90-region.cnf', '/etc/mysql/mariadb.conf.d/91-region-tls.cnf',
                  '/etc/mysql/region.authority', '/etc/mysql/region.certificate', '/etc/mysql/region.key',
                  '/etc/mysql/region-access.sql',
                  '/etc/mysql/region-backups.json', '/usr/local/sbin/mariadb-backups', '/run/mysqld',
                  '/run/stunnel4']
                 + unit_files(timers) | load_json
                 + (['/etc/mysql/region-cluster.json', '/usr/local/sbin/mariadb-cluster',
                     '/etc/systemd/system/mariadb-watch.service'] if clustered else []),
           data=['/etc/mysql', '/var/lib/mysql', '/var/lib/mysql.before', '/var/lib/mysql.restored',
                 '/var/lib/mysql-logs', '/var/backups/mariadb', '/var/log/mysql']) }}
