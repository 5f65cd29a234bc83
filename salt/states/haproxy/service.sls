{%- from 'lib/service.jinja' import running with context %}
{%- from 'haproxy/roles.jinja' import balancing, serving with context %}
{%- from 'lib/region.jinja' import public with context %}
{%- set shown = (['/etc/haproxy/region.pem'] if balancing else [])
                + (['/etc/haproxy/public.pem'] if balancing and public else [])
                + (['/etc/haproxy/services.pem'] if serving else []) %}
include:
  - .config

{{ running('haproxy_service', 'haproxy',
           ['/etc/haproxy/haproxy.cfg'] + shown, verb='reload',
           requires=[{'file': 'haproxy_config_file'}]) }}
