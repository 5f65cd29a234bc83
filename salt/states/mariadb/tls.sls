# What the database shows its clients, and nodes of a cluster each other.
{%- from 'lib/config.jinja' import rendered with context %}
{%- from 'mariadb/tls.jinja' import authority, certificate, key with context %}
include:
  - .package

mariadb_tls_authority:
  file.managed:
    - name: {{ authority }}
    - contents: {{ pillar.environment.ca | json }}
    - user: root
    - group: root
    - mode: '0644'
    - require:
      - pkg: mariadb_package_installed
{%- for part, path in {'certificate': certificate, 'key': key}.items() %}

mariadb_tls_{{ part }}:
  file.managed:
    - name: {{ path }}
    - contents_pillar: secrets:database_tls:{{ part }}
    - user: root
    - group: mysql
    - mode: '0640'
    - show_changes: False
    - require:
      - file: mariadb_tls_authority
{%- endfor %}

{{ rendered('mariadb_tls_settings', '/etc/mysql/mariadb.conf.d/91-region-tls.cnf',
            'mariadb/files/tls.cnf.jinja', component='mariadb') }}
