{%- from 'lib/service.jinja' import running with context %}
include:
  - .config

{{ running('federation_service', 'apache2',
           ['/etc/apache2/ports.conf', '/etc/apache2/sites-enabled/region.conf'],
           requires=[{'file': 'federation_config_ports'}, {'file': 'federation_config_default'},
                     {'file': 'federation_config_site'}]) }}
