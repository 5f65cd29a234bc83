# Rows of what was deleted, but for images: an id is never given out again.
{%- from 'lib/timer.jinja' import tidied with context %}
include:
  - .config

{{ tidied('glance', 'image', ['/usr/bin/glance-manage db purge --max_rows -1 --age_in_days ' ~ pillar.glance.deleted_rows_days],
          requires=[{'file': 'glance_config_file'}]) }}
