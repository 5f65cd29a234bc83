{%- from 'lib/config.jinja' import rendered, unit_settings with context %}
{%- from 'logging/receiver.jinja' import keeping with context %}
include:
  - .package
  - .tls

{{ rendered('logging_config_file', '/etc/rsyslog.conf', 'logging/files/rsyslog.conf.jinja',
            check='rsyslogd -N1 -f') }}
{%- if keeping %}

{{ rendered('logging_config_rotation', '/etc/logrotate.d/region', 'logging/files/logrotate.jinja') }}
{%- endif %}

# Its package lets it start before the node has its addresses.
{{ unit_settings('logging', {'rsyslog.service': ['After=network.target']}, section='Unit') }}
