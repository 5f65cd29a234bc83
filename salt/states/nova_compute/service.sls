{%- from 'lib/service.jinja' import started with context %}
include:
  - .config

{{ started('nova_compute_service_agent', 'nova-compute',
           ['/etc/nova/nova.conf', '/etc/nova/nova-compute.conf',
            '/etc/systemd/system/nova-compute.service.d/region.conf',
            '/var/lib/dpkg/info/python3-nova.list'],
           requires=[{'file': 'nova_compute_config_file'},
                     {'file': 'nova_compute_config_hypervisor'},
                     {'file': 'nova_compute_config_tools'},
                     {'cmd': 'nova_compute_config_units_loaded'}]) }}
