# The database is the database's to keep, and keystone keeps the domain of the stacks' users.
{%- from 'lib/clean.jinja' import cleaned with context %}
{%- from 'lib/timer.jinja' import unit_files with context %}
{{ cleaned('heat', ['heat-tidy.timer', 'heat-api', 'heat-engine'], pillar.heat.packages, user='heat',
           files=['/etc/heat', '/etc/default/heat-api', '/etc/default/heat-engine',
                  '/etc/systemd/system/heat-engine.service.d',
                  '/usr/local/sbin/heat-alive', '/usr/local/sbin/heat-config-check',
                  '/usr/local/sbin/heat-domain', '/usr/local/sbin/heat-schema',
                  '/usr/local/lib/heat', '/var/log/heat', '/var/lib/heat', '/var/cache/heat',
                  '/run/heat', '/run/lock/heat'] + unit_files(['heat-tidy']) | load_json) }}
