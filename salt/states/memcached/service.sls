{%- from 'lib/service.jinja' import running with context %}
include:
  - .config

{{ running('memcached_service', 'memcached',
           ['/etc/memcached.conf', '/var/lib/dpkg/info/memcached.list'],
           requires=[{'file': 'memcached_config_file'}]) }}
