{%- from 'lib/service.jinja' import started with context %}
include:
  - .config

{{ started('federation_service', 'apache2',
           ['/etc/apache2/ports.conf', '/etc/apache2/sites-enabled/region.conf'],
           requires=[{'file': 'federation_config_ports'}, {'file': 'federation_config_default'},
                     {'file': 'federation_config_site'}]) }}
