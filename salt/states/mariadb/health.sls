{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/region.jinja' import here with context %}
{%- set port = pillar.endpoints.database.port %}
{{ answers('mariadb_health_answers',
           'mariadb-admin --connect-timeout=2 ping && ss -Hltn src ' ~ here ~ ':' ~ port ~ ' | grep -q LISTEN',
           60) }}
