{%- from 'lib/config.jinja' import rendered, tools, unit_settings with context %}
{%- from 'lib/region.jinja' import virtual with context %}
{%- set interface = pillar.environment.interfaces.management %}
include:
  - .package

{{ rendered('keepalived_config_file', '/etc/keepalived/keepalived.conf',
            'keepalived/files/keepalived.conf.jinja', check='keepalived -t -f') }}

{{ tools('keepalived', {'alive': 'keepalived/files/alive.sh'}) }}

# However it ends, its address must not stay behind: another node has it by then.
{{ unit_settings('keepalived', {'keepalived.service': [
     'Restart=always', 'RestartSec=1',
     'ExecStopPost=-/usr/sbin/ip address del ' ~ virtual ~ '/32 dev ' ~ interface]}) }}
