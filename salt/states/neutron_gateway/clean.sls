{%- from 'lib/clean.jinja' import cleaned with context %}
{%- set shared = pillar.components | difference(pillar.get('gone', []))
                  | intersect(['neutron', 'neutron_linuxbridge']) %}
{%- set agents = ['neutron-dhcp-agent', 'neutron-l3-agent', 'neutron-metadata-agent'] %}
{%- set files = ['/usr/local/sbin/neutron-gateway-alive', '/usr/local/sbin/neutron-gateway-gate',
                 '/usr/local/sbin/neutron-gateway-config-check'] %}
{%- for agent in agents %}
{%- do files.extend(['/etc/systemd/system/' ~ agent ~ '.service.d', '/etc/default/' ~ agent]) %}
{%- endfor %}
{{ cleaned('neutron_gateway', agents, pillar.neutron_gateway.packages,
           user=None if shared else 'neutron',
           files=files + ([] if shared else ['/etc/neutron', '/var/log/neutron', '/var/lib/neutron',
                                             '/var/cache/neutron'])) }}
