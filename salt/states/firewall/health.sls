{%- from 'lib/health.jinja' import answers with context %}
{{ answers('firewall_health_filters', 'nft list chain inet region input', 5) }}
