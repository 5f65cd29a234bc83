# Flavors, images, networks, aggregates, quotas and where people come from, as the environment says: once, when all services and
# hypervisors are there, on the first node of identity.
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/region.jinja' import service_url with context %}
include:
  - .config
{#- Of passwords that others gave, only the names are here. #}
{%- set given = {} %}
{%- for name in pillar.secrets.get('people', {}).get('values', {}) %}
{%- do given.update({name: 'secrets:people:values:' ~ name}) %}
{%- endfor %}
{%- set secrets = {'KEYSTONE_PASSWORD': 'secrets:keystone_admin'} %}
{%- do secrets.update({'CLOUD_PASSWORDS': given} if given else {}) %}
{%- set tool = '/usr/bin/python3 -B /usr/local/lib/cloud/things.py' %}

{{ ensured('cloud_brought', tool ~ ' check ' ~ service_url('identity'),
           tool ~ ' apply ' ~ service_url('identity'), timeout=3600,
           env={'CLOUD_THINGS': dict(pillar.cloud, region=pillar.region) | json},
           env_pillar=secrets,
           requires=[{'file': 'cloud_config_tools'}]) }}
