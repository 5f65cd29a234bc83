# The database is the database's to keep; images are data.
{%- from 'lib/clean.jinja' import cleaned with context %}
{%- from 'lib/timer.jinja' import unit_files with context %}
{{ cleaned('glance', ['glance-tidy.timer', 'glance-api'], pillar.glance.packages, user='glance',
           files=['/etc/glance', '/etc/default/glance-api', '/usr/local/sbin/glance-config-check',
                  '/usr/local/sbin/glance-schema', '/var/log/glance', '/var/cache/glance']
                 + unit_files(['glance-tidy']) | load_json,
           data=['/var/lib/glance']) }}
