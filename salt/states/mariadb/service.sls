{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/region.jinja' import encrypted, several with context %}
{%- from 'lib/service.jinja' import current, running with context %}
{%- from 'mariadb/tls.jinja' import certificate with context %}
{%- set files = ['/etc/mysql/mariadb.conf.d/90-region.cnf',
                 '/etc/mysql/mariadb.conf.d/91-region-tls.cnf', '/var/lib/dpkg/info/mariadb-server.list'] %}
include:
  - .config
  - .tls
{%- if several('database') %}
  - .join

# Restarts wait for each other's end: of a cluster only one node may be away.
{{ current('mariadb_service', 'mariadb', files, by='/usr/local/sbin/mariadb-cluster restart',
           timeout=1500, requires=[{'service': 'mariadb_join_running'}]) }}
{%- else %}

{{ running('mariadb_service', 'mariadb', files, requires=[{'file': 'mariadb_config_file'}, {'file': 'mariadb_config_logs'},
                     {'file': 'mariadb_tls_settings'}, {'file': 'mariadb_tls_certificate'},
                     {'file': 'mariadb_tls_key'}]) }}
{%- endif %}

# A certificate that was renewed is read anew, without a restart.
{%- set galera = "; SET GLOBAL wsrep_provider_options = 'socket.ssl_reload=1'"
                 if several('database') and encrypted.cluster else '' %}
{{ ensured('mariadb_service_certificate',
           'shown=$(mariadb --ssl -N -e "SHOW STATUS LIKE \'Ssl_server_not_after\'" | cut -f 2)'
           ~ ' && [[ notAfter=$shown == $(openssl x509 -noout -enddate -in ' ~ certificate ~ ') ]]',
           'mariadb -e "FLUSH SSL' ~ galera ~ '"',
           requires=[{'unit': 'mariadb_service_current'}, {'file': 'mariadb_tls_certificate'},
                     {'file': 'mariadb_tls_key'}]) }}
