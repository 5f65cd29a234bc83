{%- from 'lib/clean.jinja' import cleaned with context %}
{{ cleaned('node_exporter', 'prometheus-node-exporter', pillar.node_exporter.packages,
           user='prometheus',
           files=['/etc/default/prometheus-node-exporter', '/var/lib/prometheus',
                  '/etc/systemd/system/prometheus-node-exporter.service.d']) }}
