{%- from 'lib/config.jinja' import rendered with context %}
{%- from 'lib/monitoring.jinja' import access, arguments with context %}
{%- from 'lib/region.jinja' import here with context %}
{%- from 'prometheus/rules.jinja' import alerting with context %}
{%- set port = pillar.endpoints.monitoring.port %}
include:
  - .access

prometheus_config_rules:
  file.managed:
    - names:
    {%- for component in alerting %}
      - /etc/prometheus/rules/{{ component }}.yml:
        - source: salt://{{ component }}/files/alerts.yml
    {%- endfor %}
    - makedirs: True
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: promtool check rules
    - require:
      - pkg: prometheus_package_installed

# Of a component that the region has no more, nothing is told either.
prometheus_config_rules_only:
  file.directory:
    - name: /etc/prometheus/rules
    - clean: True
    - require:
      - file: prometheus_config_rules

{{ rendered('prometheus_config_file', '/etc/prometheus/prometheus.yml',
            'prometheus/files/prometheus.yml.jinja', check='promtool check config') }}

{{ arguments('prometheus', 'prometheus',
             ['--config.file=/etc/prometheus/prometheus.yml',
              '--storage.tsdb.path=/var/lib/prometheus/metrics2',
              '--storage.tsdb.retention.time=' ~ pillar.prometheus.retention,
              '--storage.tsdb.retention.size=' ~ pillar.prometheus.disk,
              '--web.config.file=' ~ access('prometheus') ~ '/web.yml',
              '--web.listen-address=' ~ here ~ ':' ~ port,
              '--web.external-url=https://' ~ here ~ ':' ~ port],
             variables={'GOMEMLIMIT': pillar.prometheus.memory}) }}
