# A backup before a migration, which cannot be undone: where there is anything to keep.
{%- from 'lib/command.jinja' import ensured with context %}
{{ ensured('mariadb_backup_taken',
           'kept=$(mariadb -N -e "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA IN'
           ~ " ('" ~ pillar.databases | list | join("', '") ~ "') LIMIT 1" ~ '") && [[ -z $kept ]]',
           "/usr/local/sbin/mariadb-backups make 'before a migration'", timeout=7200) }}
