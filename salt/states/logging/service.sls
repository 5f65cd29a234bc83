{%- from 'lib/service.jinja' import running with context %}
{%- from 'logging/receiver.jinja' import keeping, receiving with context %}
{%- set keys = ['/etc/rsyslog-region/receiver.crt', '/etc/rsyslog-region/receiver.key'] %}
include:
  - .config

# Its socket asks for the alias syslog.service, which is there once the unit is enabled: nodes made
# from an image that holds the packages have it disabled.
logging_service_enabled:
  service.enabled:
    - name: rsyslog
    - require:
      - file: logging_config_file

{{ running('logging_service', 'rsyslog',
           ['/etc/rsyslog.conf', '/etc/rsyslog-region/authority.crt',
            '/etc/systemd/system/rsyslog.service.d/region.conf', '/var/lib/dpkg/info/rsyslog.list']
           + (keys if receiving else []),
           requires=[{'service': 'logging_service_enabled'}, {'unit': 'logging_config_units_loaded'}]) }}

# Everywhere: what packages log to files is rotated, too. A package's own start of it is forbidden
# (policy-rc.d), and it would run from the next boot on only.
logging_service_rotation:
  service.running:
    - name: logrotate.timer
    - enable: True
    - unmask: True
    - require:
      - pkg: logging_package_installed
{%- if keeping %}
      - file: logging_config_rotation
{%- endif %}
