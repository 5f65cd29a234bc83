# What everything else stands on. Certificates to trust come first; the message queue takes the
# longest to start, so it begins; the load balancer is there before what it balances.
{%- from 'lib/region.jinja' import of_stage with context %}
{%- set common = pillar.role_map.common | difference(['trust', 'vendor']) %}
{%- set parts = ['trust'] + of_stage('foundation') | load_json + common %}
{%- set first = ['rabbitmq.service'] if 'rabbitmq' in parts else [] %}
{%- set answering = parts | difference(['haproxy']) %}
include: {{ (first + parts + answering | map('regex_replace', '$', '.health') | list) | json }}
