{%- from 'lib/clean.jinja' import cleaned with context %}
{%- from 'lib/command.jinja' import ensured with context %}
{#- A server that is gone has no accounts either. #}
{%- set away = '! [[ -S /run/mysqld/mysqld.sock ]]' %}
{{ ensured('mysqld_exporter_clean_account',
           away ~ ' || found=$(mariadb -N -e "SELECT User FROM mysql.user WHERE User = \'prometheus\'") && [[ -z ${found:-} ]]',
           'mariadb -e "DROP USER prometheus@localhost"') }}

{{ cleaned('mysqld_exporter', 'prometheus-mysqld-exporter', pillar.mysqld_exporter.packages,
           files=['/etc/default/prometheus-mysqld-exporter',
                  '/etc/systemd/system/prometheus-mysqld-exporter.service.d']) }}
