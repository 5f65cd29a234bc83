# Trusts that ended or were deleted.
{%- from 'lib/timer.jinja' import tidied with context %}
include:
  - .config

{{ tidied('keystone', 'identity', ['/usr/bin/keystone-manage trust_flush'],
          requires=[{'file': 'keystone_config_file'}]) }}
