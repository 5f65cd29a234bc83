{%- from 'lib/clean.jinja' import cleaned with context %}
{{ cleaned('memcached', 'memcached', pillar.memcached.packages, user='memcache',
           files=['/etc/memcached.conf', '/var/log/memcached.log', '/run/memcached']) }}
