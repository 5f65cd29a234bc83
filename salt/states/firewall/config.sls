{%- from 'lib/config.jinja' import rendered with context %}
{%- from 'lib/service.jinja' import loaded with context %}
include:
  - .package

{{ rendered('firewall_config_file', '/etc/region-firewall.nft', 'firewall/files/region.nft.jinja',
            check='nft -c -f') }}

{{ rendered('firewall_config_unit', '/etc/systemd/system/region-firewall.service',
            'firewall/files/region-firewall.service.jinja') }}

{{ loaded('firewall_config_unit_loaded', ['region-firewall'],
          requires=[{'file': 'firewall_config_unit'}]) }}
