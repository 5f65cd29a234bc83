# Backups by a timer and before migrations, binary logs kept beside them, and the tool for the way back.
{%- from 'lib/config.jinja' import rendered, tools with context %}
{%- from 'lib/timer.jinja' import scheduled with context %}
{%- set backups = pillar.mariadb.backups %}
include:
  - .config

{{ rendered('mariadb_backups_settings', '/etc/mysql/region-backups.json',
            'mariadb/files/backups.json.jinja', component='mariadb') }}

{{ tools('mariadb', {'backups': 'mariadb/files/backups.py'}, id='mariadb_backups_tools') }}
{%- set ready = [{'file': 'mariadb_backups_settings'}, {'file': 'mariadb_backups_tools'}] %}

{{ scheduled('mariadb_backups_whole', 'mariadb-backup', 'A backup of the database',
             ['/usr/local/sbin/mariadb-backups make turn'], backups.at, late=600, hours=6, requires=ready) }}

{{ scheduled('mariadb_backups_logs', 'mariadb-backup-logs', 'What the database wrote since its backup',
             ['/usr/local/sbin/mariadb-backups logs'], pillar.mariadb.binary_logs.kept_every, hours=3,
             requires=ready) }}
