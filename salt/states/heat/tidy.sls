# Rows of what was deleted.
{%- from 'lib/timer.jinja' import tidied with context %}
include:
  - .config

{{ tidied('heat', 'orchestration', ['/usr/bin/heat-manage purge_deleted -g days ' ~ pillar.heat.deleted_rows_days],
          requires=[{'file': 'heat_config_file'}]) }}
