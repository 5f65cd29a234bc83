# Rows of what was deleted go to nova's shadow tables, and from there.
{%- from 'lib/timer.jinja' import tidied with context %}
include:
  - .config

{{ tidied('nova', 'compute-api', ['/usr/local/sbin/nova-tidy ' ~ pillar.nova.deleted_rows_days],
          requires=[{'file': 'nova_config_tools'}]) }}
