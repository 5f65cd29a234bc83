# Every service that the region offers, as clients reach it.
{%- from 'lib/health.jinja' import url_answers with context %}
{%- from 'lib/region.jinja' import here, offered with context %}
{%- for service, offer in (offered() | load_json).items() %}
{{ url_answers('haproxy_health_' ~ service,
               'https://' ~ here ~ ':' ~ offer.public_port ~ offer.check, 45) }}
{%- endfor %}
