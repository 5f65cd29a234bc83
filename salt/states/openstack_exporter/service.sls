{%- from 'lib/monitoring.jinja' import exporter_files with context %}
{%- from 'lib/service.jinja' import running with context %}
include:
  - .config

{{ running('openstack_exporter_service', 'openstack-exporter',
           ['/etc/openstack-exporter.conf']
           + exporter_files('openstack-exporter', ['exporter.py', 'alive.py', 'session.py']) | load_json,
           requires=[{'file': 'openstack_exporter_config_file'},
                     {'file': 'openstack_exporter_config_exporter'},
                     {'unit': 'openstack_exporter_config_exporter_loaded'}]) }}
