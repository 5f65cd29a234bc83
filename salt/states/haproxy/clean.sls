{%- from 'lib/clean.jinja' import cleaned with context %}
{{ cleaned('haproxy', 'haproxy', pillar.haproxy.packages, user='haproxy',
           files=['/etc/haproxy', '/var/lib/haproxy', '/run/haproxy', '/run/haproxy.pid',
                  '/run/haproxy-master.sock']) }}
