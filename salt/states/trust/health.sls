{%- from 'lib/health.jinja' import answers with context %}
{{ answers('trust_health_verifies', 'openssl verify /usr/local/share/ca-certificates/region.crt', 5) }}
