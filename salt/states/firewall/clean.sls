{%- from 'lib/clean.jinja' import cleaned with context %}
{{ cleaned('firewall', 'region-firewall', pillar.firewall.packages,
           files=['/etc/region-firewall.nft', '/etc/systemd/system/region-firewall.service']) }}
