# That this node is in the cluster with a copy of every queue it should have: before the next one is
# touched, which would leave a queue without its majority.
{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/region.jinja' import several with context %}
{%- from 'rabbitmq/accounts.jinja' import accounts, authenticate with context %}
{%- if several('messaging') %}
{{ answers('rabbitmq_synced_node', authenticate(5) ~ ' && rabbitmq-diagnostics -q check_running',
           120, env_pillar=accounts) }}
{%- endif %}
