{%- from 'lib/service.jinja' import running with context %}
include:
  - .config

{{ running('chrony_service', 'chrony',
           ['/etc/chrony/chrony.conf', '/etc/systemd/system/chrony.service.d/region.conf',
            '/var/lib/dpkg/info/chrony.list'],
           requires=[{'file': 'chrony_config_file'}, {'unit': 'chrony_config_units_loaded'}]) }}
