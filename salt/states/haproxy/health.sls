# Every service that the region offers, as services reach it; and that outsiders see their
# certificate, wherever the address is that they use. Whom it is good for, their systems say.
{%- from 'lib/health.jinja' import answers, url_answers with context %}
{%- from 'lib/region.jinja' import here, offered, public, public_ports with context %}
{%- set offers = offered() | load_json %}
{%- for service, offer in offers.items() %}
{{ url_answers('haproxy_health_' ~ service,
               'https://' ~ here ~ ':' ~ offer.public_port ~ offer.check, 45) }}
{%- endfor %}
{%- set ports = public_ports(offers.values()) | load_json %}
{%- if public and ports %}
{%- set shown = "timeout 5 openssl s_client -connect " ~ public.address ~ ':' ~ ports | first
     ~ ' </dev/null 2>/dev/null | openssl x509 -noout -fingerprint' %}
{{ answers('haproxy_health_public',
           '[[ $(' ~ shown ~ ') == $(openssl x509 -noout -fingerprint -in /etc/haproxy/public.pem) ]]', 45) }}
{%- endif %}
