{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/region.jinja' import here with context %}
{%- set where = here ~ '/' ~ pillar.endpoints.metrics.node.port %}
{{ answers('node_exporter_health_answers',
           "timeout 5 bash -c 'exec 3<>/dev/tcp/" ~ where
           ~ '; printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3; read -r _ a _ <&3; [[ $a == 200 ]]' ~ "'", 15) }}
