# A sender is healthy while the receiver is away: it keeps what it has to say.
{%- from 'lib/health.jinja' import answers with context %}
{%- from 'logging/receiver.jinja' import receiver, receiving with context %}
{%- set listens = ' && ss -Hltn src ' ~ receiver.address ~ ':' ~ pillar.logging.port ~ ' | grep -q LISTEN' %}
{{ answers('logging_health_runs',
           'systemctl -q is-active rsyslog' ~ (listens if receiving else ''), 15) }}
