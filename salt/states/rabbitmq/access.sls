# The region's account. Its password is read from standard input, so that no process list shows it.
# A broker that is about to restart for a new cookie lets nobody in who has it.
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/region.jinja' import here with context %}
include:
  - .service

{{ ensured('rabbitmq_access_granted',
           '/usr/local/sbin/rabbitmq-authenticate ' ~ here ~ ':' ~ pillar.endpoints.messaging.port ~ ' 60',
           'password() { printf "%s\\n" "$MESSAGING_PASSWORD"; };'
           ~ ' for try in {1..20}; do if rabbitmqctl -q await_startup; then break; fi; sleep 2; done;'
           ~ ' password | rabbitmqctl -q add_user openstack || password | rabbitmqctl -q change_password openstack;'
           ~ ' rabbitmqctl -q set_permissions openstack ".*" ".*" ".*"',
           env_pillar={'MESSAGING_PASSWORD': 'secrets:messaging_password'}, timeout=180,
           requires=[{'unit': 'rabbitmq_service_started'}, {'file': 'rabbitmq_config_tools'}]) }}
