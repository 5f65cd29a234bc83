# The database is the database's to keep.
{%- from 'lib/clean.jinja' import cleaned with context %}
{{ cleaned('placement', 'placement-api', pillar.placement.packages, user='placement',
           files=['/etc/placement', '/etc/default/placement-api',
                  '/usr/local/sbin/placement-config-check', '/usr/local/sbin/placement-schema',
                  '/var/log/placement', '/var/lib/placement', '/var/cache/placement']) }}
