{%- from 'lib/service.jinja' import running, started with context %}
include:
  - .kernel
  - .config

cinder_volume_service_lvm:
  service.running:
    - names: [dm-event.socket, lvm2-monitor]
    - enable: True
    - unmask: True
    - require:
      - pkg: cinder_volume_package_installed
      - kernel: cinder_volume_kernel_capable

{{ running('cinder_volume_service_group', 'cinder-volume-group',
           ['/etc/systemd/system/cinder-volume-group.service', '/usr/local/sbin/cinder-volume-group'],
           requires=[{'service': 'cinder_volume_service_lvm'}, {'file': 'cinder_volume_config_tools'},
                     {'unit': 'cinder_volume_config_unit_loaded'}]) }}

{{ running('cinder_volume_service_target', 'tgt', ['/etc/systemd/system/tgt.service.d/region.conf'],
           requires=[{'unit': 'cinder_volume_service_group_current'},
                     {'unit': 'cinder_volume_config_units_loaded'}]) }}

{{ started('cinder_volume_service_agent', 'cinder-volume',
           ['/etc/cinder/cinder.conf', '/etc/default/cinder-volume',
            '/var/lib/dpkg/info/python3-cinder.list'],
           requires=[{'file': 'cinder_volume_config_file'}, {'file': 'cinder_volume_config_log'},
                     {'unit': 'cinder_volume_service_target_current'}]) }}
