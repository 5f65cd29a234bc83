{%- from 'lib/service.jinja' import running with context %}
include:
  - .config

{{ running('keepalived_service', 'keepalived',
           ['/etc/keepalived/keepalived.conf', '/etc/systemd/system/keepalived.service.d/region.conf',
            '/var/lib/dpkg/info/keepalived.list'],
           requires=[{'file': 'keepalived_config_file'}, {'file': 'keepalived_config_tools'},
                     {'unit': 'keepalived_config_units_loaded'}]) }}
