# What everything else stands on. Certificates to trust come first; the message queue takes the
# longest to start, so it begins; the load balancer is there before what it balances, and so is the TLS
# before the services of each node.
{%- from 'lib/region.jinja' import of_stage with context %}
{%- set common = pillar.role_map.common | difference(['trust', 'vendor']) %}
{%- set balancer = ['haproxy'] if 'haproxy' in pillar.components else [] %}
{%- set parts = (['trust'] + of_stage('foundation') | load_json + balancer + common) | unique | list %}
{%- set first = ['rabbitmq.service'] if 'rabbitmq' in parts else [] %}
{%- set answering = parts | difference(['haproxy']) %}
include: {{ (first + parts + answering | map('regex_replace', '$', '.health') | list) | json }}
