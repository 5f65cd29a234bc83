{%- from 'lib/service.jinja' import running with context %}
include:
  - .config

{{ running('mariadb_service', 'mariadb',
           ['/etc/mysql/mariadb.conf.d/90-region.cnf', '/var/lib/dpkg/info/mariadb-server.list'],
           requires=[{'file': 'mariadb_config_file'}]) }}
