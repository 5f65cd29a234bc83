# gawk came with the server, and apt keeps any awk by itself: base-files wants one.
{%- from 'lib/clean.jinja' import cleaned with context %}
{{ cleaned('mariadb', 'mariadb', pillar.mariadb.packages + ['gawk'], user='mysql',
           files=['/etc/mysql/mariadb.conf.d/90-region.cnf', '/etc/mysql/region-access.sql',
                  '/run/mysqld'],
           data=['/etc/mysql', '/var/lib/mysql', '/var/log/mysql']) }}
