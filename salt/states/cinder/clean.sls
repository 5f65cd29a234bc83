# The database is the database's to keep.
{%- from 'lib/clean.jinja' import cleaned with context %}
{%- from 'lib/timer.jinja' import unit_files with context %}
{%- set shared = 'cinder_volume' in pillar.components | difference(pillar.get('gone', [])) %}
{{ cleaned('cinder', ['cinder-tidy.timer', 'cinder-api', 'cinder-scheduler'], pillar.cinder.packages,
           user=None if shared else 'cinder',
           files=['/etc/default/cinder-api', '/etc/default/cinder-scheduler',
                  '/usr/local/sbin/cinder-alive',
                  '/usr/local/sbin/cinder-config-check', '/usr/local/sbin/cinder-schema']
                 + unit_files(['cinder-tidy']) | load_json
                 + ([] if shared else ['/etc/cinder', '/var/log/cinder', '/var/lib/cinder',
                                       '/var/cache/cinder', '/run/cinder', '/run/cryptsetup'])) }}
