# What the catalogue offers and the accounts of the services: once, when identity is there. Services
# whose role no node has any more lose theirs, as far as this region made it (files/catalogue.py).
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/region.jinja' import addresses, backend_url, offered, public_url, service_url with context %}
{%- set offers = offered() | load_json %}
{%- set wanted = {'region': pillar.region, 'services': {}, 'absent': []} %}
{%- set passwords = {} %}
{%- for type, offer in pillar.services.items() if offer.user is defined %}
{%- if type in offers %}
{%- do wanted.services.update({type: {'name': offer.user, 'user': offer.user,
                                      'url': service_url(type), 'public_url': public_url(type)}}) %}
{%- do passwords.update({offer.user: 'secrets:' ~ offer.user ~ '_service'}) %}
{%- else %}
{%- do wanted.absent.append({'type': type, 'user': offer.user}) %}
{%- endif %}
{%- endfor %}
{#- Accounts of roles that use the region and offer nothing. #}
{%- set offering = pillar.services.values() | map(attribute='user') | select('defined') | list %}
{%- for role in pillar.role_map.roles if role.account is defined and role.name != 'identity'
    and role.account not in offering %}
{%- if addresses(role.name) | load_json %}
{%- do passwords.update({role.account: 'secrets:' ~ role.account ~ '_service'}) %}
{%- else %}
{%- do wanted.absent.append({'type': '', 'user': role.account}) %}
{%- endif %}
{%- endfor %}
{{ ensured('keystone_catalogue_registered',
           '/usr/local/sbin/keystone-catalogue check ' ~ backend_url('identity'),
           '/usr/local/sbin/keystone-catalogue apply ' ~ backend_url('identity'), timeout=300,
           env={'KEYSTONE_CATALOGUE': wanted | json},
           env_pillar={'KEYSTONE_PASSWORD': 'secrets:keystone_admin',
                       'KEYSTONE_PASSWORDS': passwords}) }}
