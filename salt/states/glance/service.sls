{%- from 'lib/service.jinja' import started with context %}
include:
  - .config

{{ started('glance_service', 'glance-api',
           ['/etc/glance/glance-api.conf', '/etc/default/glance-api',
            '/var/lib/dpkg/info/python3-glance.list'],
           requires=[{'file': 'glance_config_file'}, {'file': 'glance_config_log'}]) }}
