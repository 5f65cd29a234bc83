# Every service that the region offers, as services reach it; and that outsiders find the one who has
# their certificate, wherever the address is that they use.
{%- from 'lib/health.jinja' import answers, url_answers with context %}
{%- from 'lib/region.jinja' import here, offered, public with context %}
{%- set offers = offered() | load_json %}
{%- for service, offer in offers.items() %}
{{ url_answers('haproxy_health_' ~ service,
               'https://' ~ here ~ ':' ~ offer.public_port ~ offer.check, 45) }}
{%- endfor %}
{%- set ports = offers.values() | rejectattr('inside', 'defined') | map(attribute='public_port') | sort | list %}
{%- if public and ports %}
{%- set shake = 'import socket, ssl, sys; address, port, name = sys.argv[1:]; '
     ~ 'plain = socket.create_connection((address, int(port)), 5); '
     ~ 'ssl.create_default_context().wrap_socket(plain, server_hostname=name)' %}
{{ answers('haproxy_health_public',
           "python3 -c '" ~ shake ~ "' " ~ public.address ~ ' ' ~ ports | first ~ ' ' ~ public.host, 45) }}
{%- endif %}
