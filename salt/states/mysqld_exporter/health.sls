# It tells the server's figures. Where the server is away, that is the server's own health to say.
{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/region.jinja' import here with context %}
{{ answers('mysqld_exporter_health_answers',
           'curl -sS -f -m 10 http://' ~ here ~ ':' ~ pillar.endpoints.metrics.mysqld.port
           ~ "/metrics | grep -qx 'mysql_up 1'", 30) }}
