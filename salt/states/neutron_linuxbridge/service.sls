{%- from 'lib/service.jinja' import started with context %}
include:
  - .config

{{ started('neutron_linuxbridge_service_agent', 'neutron-linuxbridge-agent',
           ['/etc/neutron/neutron.conf', '/etc/neutron/plugins/ml2/ml2_conf.ini',
            '/etc/neutron/plugins/ml2/linuxbridge_agent.ini',
            '/etc/systemd/system/neutron-linuxbridge-agent.service.d/region.conf',
            '/etc/default/neutron-linuxbridge-agent', '/var/lib/dpkg/info/python3-neutron.list'],
           requires=[{'file': 'neutron_linuxbridge_config_file'},
                     {'file': 'neutron_linuxbridge_config_log'},
                     {'file': 'neutron_linuxbridge_config_plugin'},
                     {'file': 'neutron_linuxbridge_config_agent'},
                     {'file': 'neutron_linuxbridge_config_tools'},
                     {'command': 'neutron_linuxbridge_config_ebtables'},
                     {'unit': 'neutron_linuxbridge_config_units_loaded'}]) }}
