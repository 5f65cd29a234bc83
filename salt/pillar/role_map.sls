# What the role map (roles.yml) says of services and databases, in the form in which states ask.
{%- set services, databases = {}, {} %}
{%- for role in pillar.get('role_map', {}).get('roles', []) %}
{%- for type, offer in role.get('offers', {}).items() %}
{%- set known = offer.get('catalogue', True) and role.name != 'identity' %}
{%- set entry = {'role': role.name, 'path': ''} %}
{%- do entry.update({'user': role.account} if known else {}) %}
{%- do entry.update(offer) %}
{%- do services.update({type: entry}) %}
{%- endfor %}
{%- for name in role.get('databases', []) %}
{%- do databases.setdefault(name, {'user': role.account, 'roles': []}).roles.append(role.name) %}
{%- endfor %}
{%- endfor %}
# By type: `offers` of its role, which is `role`; `user` is its account where keystone's catalogue
# has it.
services: {{ services | json }}
# By name: those that open it, which is as `user`.
databases: {{ databases | json }}
