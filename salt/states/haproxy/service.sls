{%- from 'lib/service.jinja' import running with context %}
include:
  - .config

{{ running('haproxy_service', 'haproxy',
           ['/etc/haproxy/haproxy.cfg', '/etc/haproxy/region.pem'], verb='reload',
           requires=[{'file': 'haproxy_config_file'}]) }}
