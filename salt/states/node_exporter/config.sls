{%- from 'lib/config.jinja' import unit_settings with context %}
{%- from 'lib/region.jinja' import here with context %}
include:
  - .package

node_exporter_config_arguments:
  file.managed:
    - name: /etc/default/prometheus-node-exporter
    - contents: |
        # Written by Salt (node_exporter.config).
        ARGS="--web.listen-address={{ here }}:{{ pillar.endpoints.metrics.node.port }} --collector.systemd --collector.systemd.unit-include=.+[.]service"
    - user: root
    - group: root
    - mode: '0644'
    - require:
      - pkg: node_exporter_package_installed

# Its package lets it start before the node has its addresses.
{{ unit_settings('node_exporter', {'prometheus-node-exporter.service': ['After=network.target']},
                 section='Unit') }}
