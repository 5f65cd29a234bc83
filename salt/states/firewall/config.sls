{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/config.jinja' import rendered with context %}
include:
  - .package

{{ rendered('firewall_config_file', '/etc/region-firewall.nft', 'firewall/files/region.nft.jinja',
            check='nft -c -f') }}

{{ rendered('firewall_config_unit', '/etc/systemd/system/region-firewall.service',
            'firewall/files/region-firewall.service.jinja') }}

{{ ensured('firewall_config_unit_loaded',
           '[[ $(systemctl show region-firewall -P NeedDaemonReload) == no ]]',
           'systemctl daemon-reload', requires=[{'file': 'firewall_config_unit'}]) }}
