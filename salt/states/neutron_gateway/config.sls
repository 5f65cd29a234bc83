{%- from 'lib/config.jinja' import printing, rendered, tools, unit_settings with context %}
{%- set gate = 'ExecStartPre=/usr/local/sbin/neutron-gateway-gate /etc/neutron/neutron.conf 280 ' %}
{%- set patient = ['TimeoutStartSec=300', 'Restart=always', 'RestartSec=3'] %}
include:
  - .package

{{ rendered('neutron_gateway_config_file', '/etc/neutron/neutron.conf',
            'neutron/files/neutron.conf.jinja', group='neutron', secret=True,
            needed=['DEFAULT.transport_url']) }}

{{ rendered('neutron_gateway_config_dhcp', '/etc/neutron/dhcp_agent.ini',
            'neutron_gateway/files/dhcp_agent.ini.jinja') }}

{{ rendered('neutron_gateway_config_l3', '/etc/neutron/l3_agent.ini',
            'neutron_gateway/files/l3_agent.ini.jinja') }}

{{ rendered('neutron_gateway_config_metadata', '/etc/neutron/metadata_agent.ini',
            'neutron_gateway/files/metadata_agent.ini.jinja', group='neutron', secret=True) }}

{{ printing('neutron_gateway', ['neutron-dhcp-agent', 'neutron-l3-agent', 'neutron-metadata-agent']) }}

{{ tools('neutron_gateway', {'alive': 'lib/files/alive.py', 'gate': 'lib/files/gate.py',
                                 'config-check': 'lib/files/config_check.py'}) }}

# KillMode: what the agents have started (dnsmasq, the metadata proxies) serves on while they
# restart, and is found again by them.
{{ unit_settings('neutron_gateway', {
     'neutron-dhcp-agent.service': patient
       + [gate ~ 'q-plugin q-reports-plugin', 'KillMode=process'],
     'neutron-l3-agent.service': patient
       + [gate ~ 'q-plugin q-l3-plugin q-reports-plugin', 'KillMode=process'],
     'neutron-metadata-agent.service': patient + [gate ~ 'q-plugin q-reports-plugin']}) }}
