{%- from 'lib/service.jinja' import running with context %}
include:
  - .config

{{ running('mysqld_exporter_service', 'prometheus-mysqld-exporter',
           ['/etc/default/prometheus-mysqld-exporter',
            '/etc/systemd/system/prometheus-mysqld-exporter.service.d/region.conf',
            '/var/lib/dpkg/info/prometheus-mysqld-exporter.list'],
           requires=[{'file': 'mysqld_exporter_config_arguments'},
                     {'unit': 'mysqld_exporter_config_units_loaded'}]) }}
