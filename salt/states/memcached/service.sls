{%- from 'lib/monitoring.jinja' import exporter_files with context %}
{%- from 'lib/service.jinja' import running with context %}
include:
  - .config

{{ running('memcached_service', 'memcached',
           ['/etc/memcached.conf', '/var/lib/dpkg/info/memcached.list'],
           requires=[{'file': 'memcached_config_file'}]) }}

{{ running('memcached_service_exporter', 'memcached-exporter',
           exporter_files('memcached-exporter', ['exporter.py']) | load_json,
           requires=[{'unit': 'memcached_config_exporter_loaded'},
                     {'file': 'memcached_config_exporter'}]) }}
