{%- from 'lib/clean.jinja' import cleaned with context %}
{%- from 'lib/monitoring.jinja' import access with context %}
{{ cleaned('prometheus', 'prometheus', pillar.prometheus.packages,
           files=['/etc/prometheus/prometheus.yml', '/etc/prometheus/rules', access('prometheus'),
                  '/etc/default/prometheus', '/usr/local/sbin/prometheus-web-access',
                  '/etc/systemd/system/prometheus.service.d'],
           data=['/var/lib/prometheus/metrics2']) }}
