# The databases are the database's to keep.
{%- from 'lib/clean.jinja' import cleaned with context %}
{%- from 'lib/timer.jinja' import unit_files with context %}
{%- set shared = 'nova_compute' in pillar.components | difference(pillar.get('gone', [])) %}
{{ cleaned('nova', ['nova-tidy.timer', 'nova-api', 'nova-api-metadata', 'nova-conductor',
                    'nova-scheduler', 'nova-novncproxy'],
           pillar.nova.packages, user=None if shared else 'nova',
           files=['/etc/default/nova-api', '/etc/default/nova-api-metadata',
                  '/etc/default/nova-conductor', '/etc/default/nova-scheduler',
                  '/etc/default/nova-consoleproxy', '/etc/default/nova-novncproxy',
                  '/etc/systemd/system/nova-conductor.service.d',
                  '/etc/systemd/system/nova-scheduler.service.d', '/usr/local/sbin/nova-config-check',
                  '/usr/local/sbin/nova-alive',
                  '/usr/local/sbin/nova-cells', '/usr/local/sbin/nova-schema',
                  '/usr/local/sbin/nova-tidy']
                 + unit_files(['nova-tidy']) | load_json
                 + ([] if shared else ['/etc/nova', '/var/log/nova', '/var/lib/nova',
                                       '/var/cache/nova'])) }}
