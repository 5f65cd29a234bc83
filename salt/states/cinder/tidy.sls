# Rows of what was deleted.
{%- from 'lib/timer.jinja' import tidied with context %}
include:
  - .config

{{ tidied('cinder', 'volume-api', ['/usr/bin/cinder-manage db purge ' ~ pillar.cinder.deleted_rows_days],
          requires=[{'file': 'cinder_config_file'}]) }}
