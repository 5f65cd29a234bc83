# What a migration still needs when no service of the version before is left: for the components that
# the orchestration names, as for stage.migrate. Those are all that have one.
{%- set having = ['cinder', 'keystone', 'neutron', 'nova'] %}
{%- set named = (pillar.migrate | default({})).get(pillar.environment.node, []) %}
include: {{ having | intersect(named) | map('regex_replace', '$', '.finish') | list | json }}
