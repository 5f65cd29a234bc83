# The services behind the load balancer: all are started before the first is waited for.
{%- set parts = ['placement', 'glance', 'nova', 'neutron', 'cinder', 'horizon']
                | intersect(pillar.components) %}
include: {{ (parts + parts | map('regex_replace', '$', '.health') | list) | json }}
