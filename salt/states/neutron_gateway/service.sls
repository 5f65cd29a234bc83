{%- from 'lib/service.jinja' import started with context %}
include:
  - .config

{%- set needed = [{'file': 'neutron_gateway_config_file'}, {'file': 'neutron_gateway_config_dhcp'},
                  {'file': 'neutron_gateway_config_l3'}, {'file': 'neutron_gateway_config_metadata'},
                  {'file': 'neutron_gateway_config_tools'}, {'file': 'neutron_gateway_config_log'},
                  {'unit': 'neutron_gateway_config_units_loaded'}] %}
{%- for agent in ('dhcp', 'l3', 'metadata') %}
{{ started('neutron_gateway_service_' ~ agent, 'neutron-' ~ agent ~ '-agent',
           ['/etc/neutron/neutron.conf', '/etc/neutron/' ~ agent ~ '_agent.ini',
            '/etc/systemd/system/neutron-' ~ agent ~ '-agent.service.d/region.conf',
            '/etc/default/neutron-' ~ agent ~ '-agent',
            '/var/lib/dpkg/info/python3-neutron.list'], requires=needed) }}
{%- endfor %}
