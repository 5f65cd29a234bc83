{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/region.jinja' import here, several with context %}
{%- set port = pillar.endpoints.database.port %}
{{ answers('mariadb_health_answers',
           'mariadb-admin --connect-timeout=2 ping && ss -Hltn src ' ~ here ~ ':' ~ port ~ ' | grep -q LISTEN',
           60) }}
{%- if several('database') %}

# Every node is in it: what one of them loses, two others have.
{{ answers('mariadb_health_cluster', '/usr/local/sbin/mariadb-cluster complete 1', 120) }}
{%- endif %}
