# The database is the database's to keep.
{%- from 'lib/clean.jinja' import cleaned with context %}
{%- set shared = 'cinder_volume' in pillar.components | difference(pillar.get('gone', [])) %}
{{ cleaned('cinder', ['cinder-api', 'cinder-scheduler'], pillar.cinder.packages,
           user=None if shared else 'cinder',
           files=['/etc/default/cinder-api', '/etc/default/cinder-scheduler',
                  '/usr/local/sbin/cinder-alive',
                  '/usr/local/sbin/cinder-config-check', '/usr/local/sbin/cinder-schema']
                 + ([] if shared else ['/etc/cinder', '/var/log/cinder', '/var/lib/cinder',
                                       '/var/cache/cinder', '/run/cinder', '/run/cryptsetup'])) }}
