{%- from 'lib/clean.jinja' import cleaned with context %}
{{ cleaned('memcached', ['memcached-exporter', 'memcached'], pillar.memcached.packages, user='memcache',
           files=['/etc/memcached.conf', '/var/log/memcached.log', '/run/memcached',
                  '/usr/local/lib/memcached-exporter',
                  '/etc/systemd/system/memcached-exporter.service']) }}
