{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/region.jinja' import addresses, here, several with context %}
{{ answers('rabbitmq_health_answers',
           '/usr/local/sbin/rabbitmq-authenticate ' ~ here ~ ':' ~ pillar.endpoints.messaging.port ~ ' 5',
           90, env_pillar={'MESSAGING_PASSWORD': 'secrets:messaging_password'}) }}
{%- if several('messaging') %}

# Every node is in it: a queue gets its copies where it is declared, not later.
{{ answers('rabbitmq_health_cluster',
           "said=$(rabbitmqctl -q eval 'length(rabbit_mnesia:cluster_nodes(running)).')"
           ~ ' && { [[ $said == ' ~ addresses('messaging') | load_json | length
           ~ ' ]] || { echo "nodes in the cluster: $said"; false; }; }', 120) }}
{%- endif %}
