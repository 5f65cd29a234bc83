{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/service.jinja' import running with context %}
include:
  - .config

{{ running('firewall_service', 'region-firewall',
           ['/etc/region-firewall.nft', '/etc/systemd/system/region-firewall.service'],
           verb='reload',
           requires=[{'file': 'firewall_config_file'}, {'unit': 'firewall_config_unit_loaded'}]) }}

# Somebody's `nft flush ruleset` takes the table and leaves the unit as it was.
{{ ensured('firewall_service_table', 'nft list chain inet region input',
           'systemctl reload region-firewall', requires=[{'unit': 'firewall_service_current'}]) }}
