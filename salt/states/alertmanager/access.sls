{%- from 'lib/monitoring.jinja' import web_access with context %}
include:
  - .package

{{ web_access('alertmanager') }}
