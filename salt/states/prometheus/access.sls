{%- from 'lib/monitoring.jinja' import access, web_access with context %}
include:
  - .package

{{ web_access('prometheus') }}

# With which it goes to itself, and to Alertmanager.
prometheus_access_password:
  file.managed:
    - name: {{ access('prometheus') }}/password
    - contents_pillar: secrets:monitoring_password
    - contents_newline: False
    - user: root
    - group: prometheus
    - mode: '0640'
    - show_changes: False
    - require:
      - file: prometheus_access_folder
