# The database is the database's to keep.
{%- from 'lib/clean.jinja' import cleaned with context %}
{%- set shared = pillar.components | difference(pillar.get('gone', []))
                  | intersect(['neutron_linuxbridge', 'neutron_gateway']) %}
{{ cleaned('neutron', ['neutron-api', 'neutron-rpc-server'], pillar.neutron.packages,
           user=None if shared else 'neutron',
           files=['/etc/default/neutron-server', '/etc/default/neutron-rpc-server',
                  '/usr/local/sbin/neutron-config-check',
                  '/usr/local/sbin/neutron-gate',
                  '/usr/local/sbin/neutron-schema']
                 + ([] if shared else ['/etc/neutron', '/var/log/neutron', '/var/lib/neutron',
                                       '/var/cache/neutron'])) }}
