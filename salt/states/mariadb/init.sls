{%- from 'lib/region.jinja' import addresses, here, several with context %}
include:
  - .package
  - .config
  - .tls
{%- if several('database') %}
  - .cluster
{%- endif %}
  - .service
  - .backups
{#- What the first node of a cluster grants is granted on all. #}
{%- if here == addresses('database') | load_json | first %}
  - .access
{%- endif %}
