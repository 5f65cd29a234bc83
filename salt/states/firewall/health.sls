# That it filters, and knows what it filters: a node that has not the addresses that the environment
# gives it would be closed to its own region.
{%- from 'lib/health.jinja' import answers with context %}
{%- set there = [] %}
{%- for network, address in pillar.environment.addresses.items() %}
{%- do there.append('ip -4 -o address show to ' ~ address ~ ' | grep -q . || { echo "no interface has '
                    ~ address ~ ', the address in the network ' ~ network ~ '"; exit 1; }') %}
{%- endfor %}
{{ answers('firewall_health_filters',
           "nft list chain inet region input | grep 'policy drop'; " ~ there | join('; '), 5) }}
