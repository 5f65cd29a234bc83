{%- from 'lib/config.jinja' import rendered, tools, unit_settings with context %}
{%- from 'lib/region.jinja' import virtual with context %}
{%- set interface = pillar.environment.interfaces.management %}
{%- set checked = "sh -c '! keepalived -t -f \"$1\" 2>&1 | grep -v Terminated | grep . >&2' check" %}
include:
  - .package

# Its test ends by a signal whatever it found (2.2.7); what is wrong it says.
{{ rendered('keepalived_config_file', '/etc/keepalived/keepalived.conf',
            'keepalived/files/keepalived.conf.jinja', check=checked) }}

{{ tools('keepalived', {'alive': 'keepalived/files/alive.sh'}) }}

# However it ends, its address must not stay behind: another node has it by then.
{{ unit_settings('keepalived', {'keepalived.service': [
     'Restart=always', 'RestartSec=1',
     'ExecStopPost=-/usr/sbin/ip address del ' ~ virtual ~ '/32 dev ' ~ interface]}) }}
