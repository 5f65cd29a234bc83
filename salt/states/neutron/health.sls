{%- from 'lib/health.jinja' import answers, unit_answers with context %}
{%- from 'lib/region.jinja' import inside with context %}
{%- set url = 'http://' ~ inside ~ ':' ~ pillar.services.network.backend_port ~ '/' %}
{{ unit_answers('neutron_health_api', 'neutron-api', url, 90,
                files=['/etc/neutron/neutron.conf', '/etc/neutron/plugins/ml2/ml2_conf.ini']) }}

# The queues that the agents call.
{{ answers('neutron_health_rpc',
           '/usr/local/sbin/neutron-gate /etc/neutron/neutron.conf 0'
           ~ ' q-plugin q-l3-plugin q-reports-plugin', 90) }}
