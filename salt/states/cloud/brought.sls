# Flavors, images, networks, aggregates and quotas as the environment says: once, when all services and
# hypervisors are there, on the first node of identity.
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/region.jinja' import service_url with context %}
include:
  - .config
{%- set tool = '/usr/bin/python3 -B /usr/local/lib/cloud/things.py' %}

{{ ensured('cloud_brought', tool ~ ' check ' ~ service_url('identity'),
           tool ~ ' apply ' ~ service_url('identity'), timeout=3600,
           env={'CLOUD_THINGS': dict(pillar.cloud, region=pillar.region) | json},
           env_pillar={'KEYSTONE_PASSWORD': 'secrets:keystone_admin'},
           requires=[{'file': 'cloud_config_tools'}]) }}
