# That it filters, and knows what it filters: a node that has not the addresses that the environment
# gives it would be closed to its own region, and one without the interface has none of that network.
{%- from 'lib/health.jinja' import answers with context %}
{%- set environment = pillar.environment %}
{%- set there = [] %}
{%- macro wanted(check, problem) %}
{%- do there.append(check ~ ' || { echo "' ~ problem ~ '"; exit 1; }') %}
{%- endmacro %}
{%- for network, name in environment.interfaces.items() %}
{%- set place = '/sys/class/net/' ~ name %}
{%- set link = (environment.links | default({}))[network] | default({}) %}
{{- wanted('[[ -e ' ~ place ~ ' ]]', 'there is no interface ' ~ name ~ ', that of the network ' ~ network) }}
{%- for file, said in {'mtu': link.mtu | default(''), 'address': link.mac | default('')}.items() if said %}
{{- wanted('[[ $(< ' ~ place ~ '/' ~ file ~ ') == ' ~ said ~ ' ]]',
           name ~ ', of the network ' ~ network ~ ', has another ' ~ {'mtu': 'MTU', 'address': 'MAC'}[file]
           ~ ' than ' ~ said) }}
{%- endfor %}
{%- endfor %}
{%- for version in ('', '6') %}
{%- for network, address in (environment['addresses' ~ version] | default({})).items() %}
{{- wanted('ip -o address show to ' ~ address ~ ' | grep -q .',
           'no interface has ' ~ address ~ ', the address in the network ' ~ network) }}
{%- endfor %}
{%- endfor %}
{{ answers('firewall_health_filters',
           "nft list chain inet region input | grep 'policy drop'; " ~ there | join('; '), 5) }}
