{%- from 'lib/clean.jinja' import cleaned with context %}
{%- from 'lib/monitoring.jinja' import access with context %}
{#- The folder is Prometheus's as well: whoever goes last takes it along. #}
{%- set alone = 'prometheus' not in pillar.components or 'prometheus' in pillar.get('gone', []) %}
{{ cleaned('alertmanager', 'prometheus-alertmanager', pillar.alertmanager.packages,
           files=['/etc/prometheus/alertmanager.yml', access('alertmanager'),
                  '/etc/default/prometheus-alertmanager', '/usr/local/sbin/alertmanager-web-access',
                  '/etc/systemd/system/prometheus-alertmanager.service.d']
                 + (['/etc/prometheus'] if alone else []),
           data=['/var/lib/prometheus/alertmanager']) }}
