# The database is the database's to keep; the keys are the environment's, issued by its master.
{%- from 'lib/clean.jinja' import cleaned with context %}
{%- from 'lib/timer.jinja' import unit_files with context %}
{{ cleaned('keystone', ['keystone-tidy.timer', 'keystone'], pillar.keystone.packages, user='keystone',
           files=['/etc/keystone', '/etc/default/keystone', '/usr/local/sbin/keystone-authenticate',
                  '/usr/local/sbin/keystone-catalogue', '/usr/local/sbin/keystone-config-check',
                  '/usr/local/sbin/keystone-schema', '/etc/tmpfiles.d/keystone-login.conf', '/run/keystone-login',
                  '/var/log/keystone', '/var/lib/keystone', '/var/cache/keystone']
                 + unit_files(['keystone-tidy']) | load_json) }}
