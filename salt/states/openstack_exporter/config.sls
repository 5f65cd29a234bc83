{%- from 'lib/config.jinja' import rendered with context %}
{%- from 'lib/monitoring.jinja' import exporter with context %}
include:
  - .package

{{ rendered('openstack_exporter_config_file', '/etc/openstack-exporter.conf',
            'openstack_exporter/files/openstack-exporter.conf.jinja', group='prometheus', secret=True) }}

{{ exporter('openstack_exporter', 'openstack-exporter',
            {'exporter.py': 'openstack_exporter/files/exporter.py', 'alive.py': 'lib/files/alive.py',
             'session.py': 'lib/files/session.py'},
            'openstack_exporter/files/openstack-exporter.service.jinja') }}
