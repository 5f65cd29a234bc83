{%- from 'lib/monitoring.jinja' import access with context %}
{%- from 'lib/region.jinja' import addresses with context %}
{%- from 'lib/service.jinja' import running with context %}
{%- from 'prometheus/rules.jinja' import alerting with context %}
{%- set rules = [] %}
{%- for component in alerting %}
{%- do rules.append('/etc/prometheus/rules/' ~ component ~ '.yml') %}
{%- endfor %}
include:
  - .config

{{ running('prometheus_service', 'prometheus',
           ['/etc/prometheus/prometheus.yml', '/etc/prometheus/rules', access('prometheus') ~ '/web.yml',
            access('prometheus') ~ '/region.certificate', '/etc/default/prometheus',
            '/etc/systemd/system/prometheus.service.d/region.conf',
            '/var/lib/dpkg/info/prometheus.list'] + rules,
           requires=[{'file': 'prometheus_config_file'}, {'file': 'prometheus_config_rules_only'},
                     {'file': 'prometheus_access_password'}, {'command': 'prometheus_access_web'},
                     {'file': 'prometheus_config_arguments'},
                     {'unit': 'prometheus_config_units_loaded'}]) }}
