{%- from 'lib/service.jinja' import running with context %}
{%- from 'lib/region.jinja' import public with context %}
include:
  - .config

{{ running('haproxy_service', 'haproxy',
           ['/etc/haproxy/haproxy.cfg', '/etc/haproxy/region.pem'] + (['/etc/haproxy/public.pem'] if public else []), verb='reload',
           requires=[{'file': 'haproxy_config_file'}]) }}
