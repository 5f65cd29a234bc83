{%- from 'lib/monitoring.jinja' import arguments with context %}
{%- from 'lib/region.jinja' import here with context %}
include:
  - .package

# What the server tells everybody who may log in; all else wants rights.
{{ arguments('mysqld_exporter', 'prometheus-mysqld-exporter',
             ['--web.listen-address=' ~ here ~ ':' ~ pillar.endpoints.metrics.mysqld.port,
              '--collect.global_status', '--collect.global_variables', '--no-collect.slave_status',
              '--no-collect.info_schema.innodb_cmp', '--no-collect.info_schema.innodb_cmpmem',
              '--no-collect.info_schema.query_response_time'],
             variables={'DATA_SOURCE_NAME': 'prometheus@unix(/run/mysqld/mysqld.sock)/'}) }}
