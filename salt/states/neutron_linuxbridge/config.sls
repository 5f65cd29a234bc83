{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/config.jinja' import printing, rendered, tools, unit_settings with context %}
include:
  - .package

{{ rendered('neutron_linuxbridge_config_file', '/etc/neutron/neutron.conf',
            'neutron/files/neutron.conf.jinja', group='neutron', secret=True,
            needed=['DEFAULT.transport_url']) }}

{{ rendered('neutron_linuxbridge_config_plugin', '/etc/neutron/plugins/ml2/ml2_conf.ini',
            'neutron/files/ml2_conf.ini.jinja') }}

{{ rendered('neutron_linuxbridge_config_agent', '/etc/neutron/plugins/ml2/linuxbridge_agent.ini',
            'neutron_linuxbridge/files/linuxbridge_agent.ini.jinja') }}

{{ printing('neutron_linuxbridge', ['neutron-linuxbridge-agent']) }}

{{ tools('neutron_linuxbridge', {'alive': 'lib/files/alive.py', 'gate': 'lib/files/gate.py',
                                 'config-check': 'lib/files/config_check.py',
                                 'ebtables': 'neutron_linuxbridge/files/ebtables.sh'}) }}

{{ unit_settings('neutron_linuxbridge', {
     'neutron-linuxbridge-agent.service': [
       'TimeoutStartSec=300',
       'ExecStartPre=/usr/local/sbin/neutron-linuxbridge-gate /etc/neutron/neutron.conf 280'
       ~ ' q-plugin q-reports-plugin',
       'Restart=always', 'RestartSec=3']}) }}

# By Debian's own way of choosing between programs of one name.
{%- set ebtables = '/usr/local/sbin/neutron-linuxbridge-ebtables' %}
{{ ensured('neutron_linuxbridge_config_ebtables',
           '[[ $(readlink /etc/alternatives/ebtables) == ' ~ ebtables ~ ' ]]',
           'update-alternatives --install /usr/sbin/ebtables ebtables ' ~ ebtables ~ ' 50'
           ~ ' --slave /usr/sbin/ebtables-restore ebtables-restore /usr/sbin/ebtables-nft-restore'
           ~ ' --slave /usr/sbin/ebtables-save ebtables-save /usr/sbin/ebtables-nft-save'
           ~ ' && update-alternatives --auto ebtables',
           requires=[{'file': 'neutron_linuxbridge_config_tools'},
                     {'pkg': 'neutron_linuxbridge_package_installed'}]) }}
