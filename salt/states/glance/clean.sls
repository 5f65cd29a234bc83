# The database is the database's to keep; images are data.
{%- from 'lib/clean.jinja' import cleaned with context %}
{{ cleaned('glance', 'glance-api', pillar.glance.packages, user='glance',
           files=['/etc/glance', '/etc/default/glance-api', '/usr/local/sbin/glance-config-check',
                  '/usr/local/sbin/glance-schema', '/var/log/glance', '/var/cache/glance'],
           data=['/var/lib/glance']) }}
