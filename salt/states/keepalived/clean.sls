{%- from 'lib/clean.jinja' import cleaned with context %}
{{ cleaned('keepalived', 'keepalived', pillar.keepalived.packages,
           files=['/etc/keepalived', '/etc/systemd/system/keepalived.service.d',
                  '/usr/local/sbin/keepalived-alive', '/usr/local/sbin/keepalived-release', '/run/keepalived']) }}
