{%- from 'lib/service.jinja' import running with context %}
{%- from 'logging/receiver.jinja' import receiving with context %}
{%- set keys = ['/etc/rsyslog-region/receiver.crt', '/etc/rsyslog-region/receiver.key'] %}
include:
  - .config

{{ running('logging_service', 'rsyslog',
           ['/etc/rsyslog.conf', '/etc/rsyslog-region/authority.crt',
            '/etc/systemd/system/rsyslog.service.d/region.conf', '/var/lib/dpkg/info/rsyslog.list']
           + (keys if receiving else []),
           requires=[{'file': 'logging_config_file'}, {'cmd': 'logging_config_units_loaded'}]) }}
{%- if receiving %}

logging_service_rotation:
  service.running:
    - name: logrotate.timer
    - enable: True
    - unmask: True
    - require:
      - file: logging_config_rotation
{%- endif %}
