{%- from 'lib/clean.jinja' import cleaned with context %}
{{ cleaned('rabbitmq', ['rabbitmq-server', 'epmd.socket', 'epmd.service'], pillar.rabbitmq.packages,
           user='rabbitmq',
           files=['/etc/rabbitmq', '/etc/systemd/system/epmd.socket.d', '/run/rabbitmq',
                  '/usr/local/sbin/rabbitmq-accounts', '/usr/local/sbin/rabbitmq-authenticate'],
           data=['/var/lib/rabbitmq', '/var/log/rabbitmq']) }}
