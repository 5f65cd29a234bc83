{%- from 'lib/config.jinja' import rendered, tools, unit_settings with context %}
include:
  - .package

{{ rendered('neutron_linuxbridge_config_file', '/etc/neutron/neutron.conf',
            'neutron/files/neutron.conf.jinja', group='neutron', secret=True,
            needed=['DEFAULT.transport_url']) }}

{{ rendered('neutron_linuxbridge_config_plugin', '/etc/neutron/plugins/ml2/ml2_conf.ini',
            'neutron/files/ml2_conf.ini.jinja') }}

{{ rendered('neutron_linuxbridge_config_agent', '/etc/neutron/plugins/ml2/linuxbridge_agent.ini',
            'neutron_linuxbridge/files/linuxbridge_agent.ini.jinja') }}

{{ tools('neutron_linuxbridge', {'alive': 'lib/files/alive.py', 'gate': 'lib/files/gate.py',
                                 'config-check': 'lib/files/config_check.py'}) }}

{{ unit_settings('neutron_linuxbridge', {
     'neutron-linuxbridge-agent.service': [
       'TimeoutStartSec=300',
       'ExecStartPre=/usr/local/sbin/neutron-linuxbridge-gate /etc/neutron/neutron.conf 280'
       ~ ' q-plugin q-reports-plugin',
       'Restart=always', 'RestartSec=3']}) }}
