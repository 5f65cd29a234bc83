# It answers, whatever it has to tell.
{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/region.jinja' import here with context %}
{{ answers('openstack_exporter_health_answers',
           'curl -sS -m 5 -o /dev/null http://' ~ here ~ ':' ~ pillar.endpoints.metrics.openstack.port ~ '/', 20) }}
