{%- from 'lib/config.jinja' import rendered, unit_settings with context %}
{%- from 'lib/machine.jinja' import machine with context %}
include:
  - .package

{{ rendered('chrony_config_file', '/etc/chrony/chrony.conf', 'chrony/files/chrony.conf.jinja',
            check='chronyd -p -f') }}
{%- if machine.container %}

# A container cannot set its host's clock: there chronyd only watches (-x), and runs all the same.
{{ unit_settings('chrony', {'chrony.service': [
    'ConditionCapability=', '[Service]', 'ExecStart=',
    'ExecStart=!/usr/sbin/chronyd $DAEMON_OPTS -x']}, section='Unit') }}
{%- endif %}
