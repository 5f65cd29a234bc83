# What the catalogue offers and the accounts of the services: once, when identity is there. Services
# whose role no node has any more lose theirs, as far as this region made it (files/catalogue.py).
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/region.jinja' import backend_url, offered, public_url with context %}
{%- set offers = offered() | load_json %}
{%- set wanted = {'region': pillar.region, 'services': {}, 'absent': []} %}
{%- set passwords = {} %}
{%- for type, offer in pillar.services.items() if offer.user is defined %}
{%- if type in offers %}
{%- do wanted.services.update({type: {'name': offer.user, 'user': offer.user,
                                      'url': public_url(type)}}) %}
{%- do passwords.update({offer.user: 'secrets:' ~ offer.user ~ '_service'}) %}
{%- else %}
{%- do wanted.absent.append({'type': type, 'user': offer.user}) %}
{%- endif %}
{%- endfor %}
{{ ensured('keystone_catalogue_registered',
           '/usr/local/sbin/keystone-catalogue check ' ~ backend_url('identity'),
           '/usr/local/sbin/keystone-catalogue apply ' ~ backend_url('identity'), timeout=300,
           env={'KEYSTONE_CATALOGUE': wanted | json},
           env_pillar={'KEYSTONE_PASSWORD': 'secrets:keystone_admin',
                       'KEYSTONE_PASSWORDS': passwords}) }}
