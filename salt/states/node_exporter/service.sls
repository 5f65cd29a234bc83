{%- from 'lib/service.jinja' import running with context %}
include:
  - .config

{{ running('node_exporter_service', 'prometheus-node-exporter',
           ['/etc/default/prometheus-node-exporter',
            '/etc/systemd/system/prometheus-node-exporter.service.d/region.conf',
            '/var/lib/dpkg/info/prometheus-node-exporter.list'],
           requires=[{'file': 'node_exporter_config_arguments'},
                     {'unit': 'node_exporter_config_units_loaded'}]) }}
