# That this node is in the cluster with a copy of every queue it should have: before the next one is
# touched, which would leave a queue without its majority.
{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/region.jinja' import here, several with context %}
{%- if several('messaging') %}
{{ answers('rabbitmq_synced_node',
           '/usr/local/sbin/rabbitmq-authenticate ' ~ here ~ ':' ~ pillar.endpoints.messaging.port ~ ' 5'
           ~ ' && rabbitmq-diagnostics -q check_running',
           120, env_pillar={'MESSAGING_PASSWORD': 'secrets:messaging_password'}) }}
{%- endif %}
