# The services behind the load balancer: all are started before the first is waited for.
{%- from 'lib/region.jinja' import of_stage with context %}
{%- set parts = of_stage('control') | load_json | difference(['haproxy']) %}
include: {{ (parts + parts | map('regex_replace', '$', '.health') | list) | json }}
