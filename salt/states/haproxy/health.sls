# Every service that the region offers, as services reach it; and that outsiders see their
# certificate, wherever the address is that they use. Whom it is good for, their systems say.
{%- from 'lib/health.jinja' import answers, url_answers with context %}
{%- from 'haproxy/roles.jinja' import balancing, serving with context %}
{%- from 'lib/region.jinja' import authority, here, offered, public, public_ports with context %}
{%- from 'lib/tls.jinja' import shows with context %}
{%- set offers = offered() | load_json if balancing else {} %}
{%- for service, offer in offers.items() %}
{{ url_answers('haproxy_health_' ~ service,
               'https://' ~ here ~ ':' ~ offer.public_port ~ offer.check, 45) }}
{%- endfor %}
{%- set ports = public_ports(offers.values()) | load_json %}
{%- if public and balancing and ports %}
{{ answers('haproxy_health_public',
           shows(public.address ~ ':' ~ ports | first, '/etc/haproxy/public.pem'), 45) }}
{%- endif %}
{%- if serving %}

# As load balancers on other nodes reach what this one offers.
{{ answers('haproxy_health_services',
           'timeout 5 openssl s_client -verify_return_error -CAfile ' ~ authority ~ ' -verify_hostname '
           ~ pillar.environment.node ~ ' -connect ' ~ here ~ ':' ~ pillar.endpoints.services.port
           ~ ' </dev/null >/dev/null', 45) }}
{%- elif not balancing %}

# Nobody comes by TLS to what this node offers.
haproxy_health_idle:
  test.nop
{%- endif %}
