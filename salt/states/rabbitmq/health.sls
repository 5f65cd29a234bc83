{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/region.jinja' import addresses, several with context %}
{%- from 'rabbitmq/accounts.jinja' import accounts, authenticate with context %}
{{ answers('rabbitmq_health_answers', authenticate(5), 90, env_pillar=accounts) }}
{%- if several('messaging') %}

# Every node is in it: a queue gets its copies where it is declared, not later.
{{ answers('rabbitmq_health_cluster',
           "said=$(rabbitmqctl -q eval 'length(rabbit_mnesia:cluster_nodes(running)).')"
           ~ ' && { [[ $said == ' ~ addresses('messaging') | load_json | length
           ~ ' ]] || { echo "nodes in the cluster: $said"; false; }; }', 120) }}
{%- endif %}
