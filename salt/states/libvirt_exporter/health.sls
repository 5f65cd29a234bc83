{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/region.jinja' import here with context %}
{{ answers('libvirt_exporter_health_answers',
           'curl -sS -f -m 10 http://' ~ here ~ ':' ~ pillar.endpoints.metrics.libvirt.port
           ~ "/metrics | grep -qx 'libvirt_up 1'", 30) }}
