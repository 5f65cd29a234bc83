# gawk came with the server, and apt keeps any awk by itself: base-files wants one.
{%- from 'lib/clean.jinja' import cleaned with context %}
{%- from 'lib/region.jinja' import several with context %}
{%- set clustered = several('database') %}
{{ cleaned('mariadb', ['mariadb', 'mariadb-watch'] if clustered else 'mariadb', pillar.mariadb.packages + ['gawk'], user='mysql',
           files=['/etc/mysql/mariadb.conf.d/90-region.cnf', '/etc/mysql/region-access.sql',
                  '/run/mysqld']
                 + (['/etc/mysql/region-cluster.json', '/usr/local/sbin/mariadb-cluster',
                     '/etc/systemd/system/mariadb-watch.service'] if clustered else []),
           data=['/etc/mysql', '/var/lib/mysql', '/var/log/mysql']) }}
