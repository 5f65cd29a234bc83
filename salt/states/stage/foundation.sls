# What everything else stands on. The message queue takes the longest to start, so it begins; the
# load balancer is there before what it balances.
{%- set parts = ['trust', 'mariadb', 'memcached', 'rabbitmq', 'haproxy', 'keepalived',
                'firewall', 'chrony', 'logging', 'node_exporter'] | intersect(pillar.components) %}
{%- set first = ['rabbitmq.service'] if 'rabbitmq' in parts else [] %}
{%- set answering = parts | difference(['haproxy']) %}
include: {{ (first + parts + answering | map('regex_replace', '$', '.health') | list) | json }}
