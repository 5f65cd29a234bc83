{%- from 'lib/service.jinja' import running with context %}
include:
  - .config

{{ running('libvirt_exporter_service', 'prometheus-libvirt-exporter',
           ['/etc/default/prometheus-libvirt-exporter',
            '/etc/systemd/system/prometheus-libvirt-exporter.service.d/region.conf',
            '/var/lib/dpkg/info/prometheus-libvirt-exporter.list'],
           requires=[{'file': 'libvirt_exporter_config_arguments'},
                     {'command': 'libvirt_exporter_config_group'},
                     {'unit': 'libvirt_exporter_config_units_loaded'}]) }}
