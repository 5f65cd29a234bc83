{%- from 'lib/health.jinja' import answers, url_answers with context %}
{%- from 'lib/region.jinja' import here with context %}
{%- set where = here ~ '/' ~ pillar.endpoints.cache.port %}
{{ answers('memcached_health_answers',
           "timeout 2 bash -c 'exec 3<>/dev/tcp/" ~ where ~ "; echo version >&3; read -r a <&3; [[ $a == VERSION* ]]'",
           20) }}

{{ url_answers('memcached_health_figures',
               'http://' ~ here ~ ':' ~ pillar.endpoints.metrics.memcached.port ~ '/metrics', 20) }}
