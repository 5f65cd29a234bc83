# An account for each service, in a virtual host of its own, and none that may do more. A broker that is about
# to restart for a new cookie lets nobody in who has it.
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/region.jinja' import from_plain, here with context %}
{%- from 'lib/tls.jinja' import shows with context %}
{%- from 'rabbitmq/accounts.jinja' import accounts with context %}
{%- from 'rabbitmq/tls.jinja' import certificate with context %}
{%- set tool = '/usr/local/sbin/rabbitmq-accounts ' %}
{%- set shared = ' --shared' if from_plain else '' %}
include:
  - .service
  - .tls

{{ ensured('rabbitmq_access_granted', tool ~ 'check' ~ shared, tool ~ 'bring' ~ shared,
           env_pillar=accounts, timeout=180,
           requires=[{'unit': 'rabbitmq_service_started'}, {'file': 'rabbitmq_config_tools'}]) }}

# A broker keeps for some minutes what it read of files.
{{ ensured('rabbitmq_access_certificate',
           shows(here ~ ':' ~ pillar.endpoints.messaging.tls_port, certificate),
           "rabbitmqctl -q eval 'ssl:clear_pem_cache().'",
           requires=[{'command': 'rabbitmq_access_granted'}, {'file': 'rabbitmq_tls_certificate'},
                     {'file': 'rabbitmq_tls_key'}]) }}
