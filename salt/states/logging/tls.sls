# Senders know the receiver by the region's authority; the receiver's key is its own.
{%- from 'logging/receiver.jinja' import receiving with context %}
include:
  - .package

logging_tls_authority:
  file.managed:
    - name: /etc/rsyslog-region/authority.crt
    - contents: {{ pillar.environment.ca | json }}
    - makedirs: True
    - user: root
    - group: root
    - mode: '0644'
    - require:
      - pkg: logging_package_installed
{%- if receiving %}

logging_tls_certificate:
  file.managed:
    - name: /etc/rsyslog-region/receiver.crt
    - contents_pillar: secrets:logging_tls:certificate
    - user: root
    - group: root
    - mode: '0600'
    - show_changes: False
    - require:
      - file: logging_tls_authority

logging_tls_key:
  file.managed:
    - name: /etc/rsyslog-region/receiver.key
    - contents_pillar: secrets:logging_tls:key
    - user: root
    - group: root
    - mode: '0600'
    - show_changes: False
    - require:
      - file: logging_tls_authority
{%- endif %}
