{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/region.jinja' import here with context %}
{%- set url = 'http://' ~ here ~ ':' ~ pillar.services.network.backend_port ~ '/' %}
{{ answers('neutron_health_api',
           'python3 -c \'import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=20)\' ' ~ url,
           90) }}

# The queues that the agents call.
{{ answers('neutron_health_rpc',
           '/usr/local/sbin/neutron-gate /etc/neutron/neutron.conf 0'
           ~ ' q-plugin q-l3-plugin q-reports-plugin', 90) }}
