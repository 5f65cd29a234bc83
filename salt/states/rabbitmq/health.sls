{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/region.jinja' import here with context %}
{{ answers('rabbitmq_health_answers',
           '/usr/local/sbin/rabbitmq-authenticate ' ~ here ~ ':' ~ pillar.endpoints.messaging.port ~ ' 5',
           90, env={'MESSAGING_PASSWORD': pillar.secrets.messaging_password}) }}
