{%- from 'lib/config.jinja' import rendered, tools, unit_settings with context %}
{%- from 'lib/region.jinja' import public, virtual with context %}
{%- set held = [virtual] + ([public.address] if public else []) %}
{%- set checked = "sh -c '! keepalived -t -f \"$1\" 2>&1 | grep -v Terminated | grep . >&2' check" %}
include:
  - .package

# Before the configuration, whose test looks for them.
{{ tools('keepalived', {'alive': 'keepalived/files/alive.sh',
                        'release': 'keepalived/files/release.sh'}) }}

# Its test ends by a signal whatever it found (2.2.7); what is wrong it says.
{{ rendered('keepalived_config_file', '/etc/keepalived/keepalived.conf',
            'keepalived/files/keepalived.conf.jinja', check=checked) }}

# However it ends, its addresses must not stay behind: another node has them by then.
{{ unit_settings('keepalived', {'keepalived.service': [
     'Restart=always', 'RestartSec=1',
     'ExecStopPost=-/usr/local/sbin/keepalived-release ' ~ held | join(' ')]}) }}
