{%- from 'lib/health.jinja' import answers with context %}
{{ answers('neutron_gateway_health_alive',
           '/usr/local/sbin/neutron-gateway-alive /etc/neutron/neutron.conf keystone_authtoken'
           ~ ' network ' ~ pillar.environment.node ~ ' neutron-dhcp-agent=neutron-dhcp-agent'
           ~ ' neutron-l3-agent=neutron-l3-agent neutron-metadata-agent=neutron-metadata-agent',
           120) }}
