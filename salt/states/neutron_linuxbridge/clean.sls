{%- from 'lib/clean.jinja' import cleaned with context %}
{%- set shared = pillar.components | intersect(['neutron', 'neutron_gateway']) %}
{{ cleaned('neutron_linuxbridge', 'neutron-linuxbridge-agent', pillar.neutron_linuxbridge.packages,
           user=None if shared else 'neutron',
           files=['/etc/systemd/system/neutron-linuxbridge-agent.service.d',
                  '/usr/local/sbin/neutron-linuxbridge-config-check',
                  '/usr/local/sbin/neutron-linuxbridge-alive',
                  '/usr/local/sbin/neutron-linuxbridge-gate']
                 + ([] if shared else ['/etc/neutron', '/var/log/neutron', '/var/lib/neutron',
                                       '/var/cache/neutron'])) }}
