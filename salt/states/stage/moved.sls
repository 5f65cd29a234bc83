# What uses the message queue on this node, at the end of a deployment that comes from a release in which
# all services shared one account and one virtual host (orchestrate/deploy.sls).
{%- set parts = [] %}
{%- for role in pillar.role_map.roles if role.name in pillar.environment.roles and role.messaging is defined %}
{%- do parts.extend(role.components) %}
{%- endfor %}
{%- set parts = parts | unique | reject('equalto', 'haproxy') | list %}
include: {{ (parts + parts | map('regex_replace', '$', '.health') | list) | json }}
