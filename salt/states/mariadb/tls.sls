# What the database shows its clients, and nodes of a cluster each other.
{%- from 'lib/config.jinja' import rendered with context %}
{%- from 'lib/tls.jinja' import certificate_files with context %}
{%- from 'mariadb/tls.jinja' import authority, certificate, key with context %}
include:
  - .package

{{ certificate_files('mariadb', 'database_tls', 'mysql', authority, certificate, key) }}

{{ rendered('mariadb_tls_settings', '/etc/mysql/mariadb.conf.d/91-region-tls.cnf',
            'mariadb/files/tls.cnf.jinja', component='mariadb') }}
