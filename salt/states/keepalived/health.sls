# Somebody holds the address, and what is behind it answers.
{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/region.jinja' import offered, virtual with context %}
{%- set port = (offered() | load_json).values() | map(attribute='public_port') | sort | first %}
{{ answers('keepalived_health_address',
           "systemctl -q is-active keepalived && timeout 2 bash -c 'exec 3<>/dev/tcp/" ~ virtual ~ '/' ~ port ~ "'",
           45) }}
