{%- from 'lib/clean.jinja' import cleaned with context %}
{%- from 'lib/command.jinja' import ensured with context %}
{%- set ebtables = '/usr/local/sbin/neutron-linuxbridge-ebtables' %}
{{ ensured('neutron_linuxbridge_clean_ebtables',
           '! update-alternatives --query ebtables | grep -q ' ~ ebtables,
           'update-alternatives --remove ebtables ' ~ ebtables,
           requires=[{'service': 'neutron_linuxbridge_clean_service'}],
           before=[{'cmd': 'neutron_linuxbridge_clean_package'}]) }}
{%- set shared = pillar.components | difference(pillar.get('gone', []))
                  | intersect(['neutron', 'neutron_gateway']) %}
{{ cleaned('neutron_linuxbridge', 'neutron-linuxbridge-agent', pillar.neutron_linuxbridge.packages,
           user=None if shared else 'neutron',
           files=['/etc/systemd/system/neutron-linuxbridge-agent.service.d',
                  '/etc/default/neutron-linuxbridge-agent',
                  '/usr/local/sbin/neutron-linuxbridge-config-check', ebtables,
                  '/usr/local/sbin/neutron-linuxbridge-alive',
                  '/usr/local/sbin/neutron-linuxbridge-gate']
                 + ([] if shared else ['/etc/neutron', '/var/log/neutron', '/var/lib/neutron',
                                       '/var/cache/neutron'])) }}
