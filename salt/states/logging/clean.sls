{%- from 'lib/clean.jinja' import cleaned with context %}
{{ cleaned('logging', ['syslog.socket', 'rsyslog', 'logrotate.timer'],
           pillar.logging.packages,
           files=['/etc/rsyslog.conf', '/etc/rsyslog.d', '/etc/rsyslog-region',
                  '/etc/logrotate.d/region', '/etc/systemd/system/rsyslog.service.d',
                  '/var/spool/rsyslog', '/var/lib/logrotate'],
           data=['/var/log/region']) }}
