{%- from 'lib/health.jinja' import answers with context %}
{#- A hypervisor has no account of neutron's, only nova's. -#}
{%- set account = '/etc/nova/nova.conf service_user' if 'nova_compute' in pillar.components
                  else '/etc/neutron/neutron.conf keystone_authtoken' %}
{{ answers('neutron_linuxbridge_health_alive',
           '/usr/local/sbin/neutron-linuxbridge-alive ' ~ account ~ ' network ' ~ pillar.environment.node
           ~ ' neutron-linuxbridge-agent=neutron-linuxbridge-agent', 120) }}
