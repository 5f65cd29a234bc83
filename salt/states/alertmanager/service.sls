{%- from 'lib/monitoring.jinja' import access with context %}
{%- from 'lib/service.jinja' import running with context %}
include:
  - .config

{{ running('alertmanager_service', 'prometheus-alertmanager',
           ['/etc/prometheus/alertmanager.yml', access('alertmanager') ~ '/web.yml',
            access('alertmanager') ~ '/region.certificate', '/etc/default/prometheus-alertmanager',
            '/etc/systemd/system/prometheus-alertmanager.service.d/region.conf',
            '/var/lib/dpkg/info/prometheus-alertmanager.list'],
           requires=[{'file': 'alertmanager_config_file'}, {'command': 'alertmanager_access_web'},
                     {'file': 'alertmanager_config_arguments'},
                     {'unit': 'alertmanager_config_units_loaded'}]) }}
