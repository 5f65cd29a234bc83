{%- from 'lib/service.jinja' import started with context %}
include:
  - .config
  - .tls

# A socket does not start again beside the service that it started, nor beside a port mapper that
# some Erlang program started for itself before there was a configuration.
{{ started('rabbitmq_service_epmd', 'epmd.socket', ['/etc/systemd/system/epmd.socket.d/region.conf'],
           by='systemctl -q unmask epmd.socket epmd.service && systemctl stop epmd.socket epmd.service'
              ~ ' && { epmd -kill || true; } && sleep 0.3'
              ~ ' && systemctl -q enable epmd.socket && systemctl start epmd.socket',
           packages=False, requires=[{'unit': 'rabbitmq_config_units_loaded'}]) }}

{{ started('rabbitmq_service', 'rabbitmq-server',
           ['/etc/rabbitmq/rabbitmq.conf', '/etc/rabbitmq/conf.d/region.conf', '/etc/rabbitmq/rabbitmq-env.conf',
            '/etc/rabbitmq/enabled_plugins', '/var/lib/rabbitmq/.erlang.cookie', '/var/lib/dpkg/info/rabbitmq-server.list'],
           requires=[{'unit': 'rabbitmq_service_epmd_started'}, {'file': 'rabbitmq_config_file'},
                     {'file': 'rabbitmq_config_environment'}, {'file': 'rabbitmq_tls_settings'},
                     {'file': 'rabbitmq_tls_certificate'}, {'file': 'rabbitmq_tls_key'},
                     {'file': 'rabbitmq_config_plugins'}, {'file': 'rabbitmq_config_cookie'}]) }}
