{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/service.jinja' import current, started with context %}
{%- set epmd = ['/etc/systemd/system/epmd.socket.d/region.conf'] %}
include:
  - .config

# A socket does not start again beside the service that it started, nor beside a port mapper that
# some Erlang program started for itself before there was a configuration.
{{ ensured('rabbitmq_service_epmd',
           'systemctl -q is-enabled epmd.socket && systemctl -q is-active epmd.socket && '
           ~ current('epmd.socket', epmd),
           'systemctl -q unmask epmd.socket epmd.service && systemctl stop epmd.socket epmd.service'
           ~ ' && { epmd -kill || true; } && sleep 0.3'
           ~ ' && systemctl -q enable epmd.socket && systemctl start epmd.socket',
           requires=[{'cmd': 'rabbitmq_config_units_loaded'}]) }}

{{ started('rabbitmq_service', 'rabbitmq-server',
           ['/etc/rabbitmq/rabbitmq.conf', '/etc/rabbitmq/rabbitmq-env.conf',
            '/var/lib/rabbitmq/.erlang.cookie', '/var/lib/dpkg/info/rabbitmq-server.list'],
           requires=[{'cmd': 'rabbitmq_service_epmd'}, {'file': 'rabbitmq_config_file'},
                     {'file': 'rabbitmq_config_environment'}, {'file': 'rabbitmq_config_cookie'}]) }}
