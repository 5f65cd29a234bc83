# What everything else stands on; the nodes of these components go side by side.
include:
{%- for component in ('mariadb', 'memcached') if component in pillar.components %}
  - {{ component }}
  - {{ component }}.health
{%- endfor %}
