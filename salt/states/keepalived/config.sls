{%- from 'lib/config.jinja' import rendered, tools, unit_settings with context %}
{%- from 'lib/region.jinja' import public, virtual with context %}
{%- set interfaces = pillar.environment.interfaces %}
{%- set held = [(virtual, interfaces.management)] + ([(public.address, interfaces[public.network])] if public else []) %}
{%- set dropped = [] %}
{%- for address, interface in held %}
{%- do dropped.append('ExecStopPost=-/usr/sbin/ip address del ' ~ address ~ '/32 dev ' ~ interface) %}
{%- endfor %}
{%- set checked = "sh -c '! keepalived -t -f \"$1\" 2>&1 | grep -v Terminated | grep . >&2' check" %}
include:
  - .package

# Its test ends by a signal whatever it found (2.2.7); what is wrong it says.
{{ rendered('keepalived_config_file', '/etc/keepalived/keepalived.conf',
            'keepalived/files/keepalived.conf.jinja', check=checked) }}

{{ tools('keepalived', {'alive': 'keepalived/files/alive.sh'}) }}

# However it ends, its addresses must not stay behind: another node has them by then.
{{ unit_settings('keepalived', {'keepalived.service': [
     'Restart=always', 'RestartSec=1'] + dropped}) }}
