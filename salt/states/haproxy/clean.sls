{%- from 'lib/clean.jinja' import cleaned with context %}
{%- from 'lib/command.jinja' import ensured with context %}
{{ cleaned('haproxy', 'haproxy', pillar.haproxy.packages, user='haproxy',
           files=['/etc/haproxy', '/var/lib/haproxy', '/run/haproxy', '/run/haproxy.pid']) }}

# file.absent overlooks sockets.
{{ ensured('haproxy_clean_socket', '[[ ! -e /run/haproxy-master.sock ]]',
           'rm /run/haproxy-master.sock', requires=[{'file': 'haproxy_clean_files'}]) }}
