# Bring the database to this version's schema: once, on the canary, before its service starts.
include:
  - .config
  - .service

keystone_migrate_schema:
  cmd.run:
    - name: keystone-manage db_sync
    - runas: keystone
    - unless: keystone-manage db_sync --check
    - timeout: 600
    - require:
      - file: keystone_config_file
    - require_in:
      - service: keystone_service_running
      - cmd: keystone_service_current
