{%- from 'lib/config.jinja' import rendered with context %}
{%- from 'lib/monitoring.jinja' import access, arguments with context %}
{%- from 'lib/region.jinja' import here with context %}
{%- set port = pillar.endpoints.monitoring.alerts_port %}
include:
  - .access

{{ rendered('alertmanager_config_file', '/etc/prometheus/alertmanager.yml',
            'alertmanager/files/alertmanager.yml.jinja', check='amtool check-config') }}

# It has no peers: of several nodes with monitoring each watches all, and tells for itself.
{{ arguments('alertmanager', 'prometheus-alertmanager',
             ['--config.file=/etc/prometheus/alertmanager.yml',
              '--storage.path=/var/lib/prometheus/alertmanager',
              '--web.config.file=' ~ access('alertmanager') ~ '/web.yml',
              '--web.listen-address=' ~ here ~ ':' ~ port,
              '--web.external-url=https://' ~ here ~ ':' ~ port, '--cluster.listen-address=']) }}
