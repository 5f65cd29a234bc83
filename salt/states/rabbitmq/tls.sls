# What the message queue shows its clients. A broker reads both files anew by itself (rabbitmq.access): no
# restart for a certificate that was renewed.
{%- from 'lib/config.jinja' import rendered with context %}
{%- from 'rabbitmq/tls.jinja' import authority, certificate, key with context %}
include:
  - .package

rabbitmq_tls_authority:
  file.managed:
    - name: {{ authority }}
    - contents: {{ pillar.environment.ca | json }}
    - user: root
    - group: root
    - mode: '0644'
    - require:
      - pkg: rabbitmq_package_installed
{%- for part, path in {'certificate': certificate, 'key': key}.items() %}

rabbitmq_tls_{{ part }}:
  file.managed:
    - name: {{ path }}
    - contents_pillar: secrets:messaging_tls:{{ part }}
    - user: root
    - group: rabbitmq
    - mode: '0640'
    - show_changes: False
    - require:
      - file: rabbitmq_tls_authority
{%- endfor %}

rabbitmq_tls_folder:
  file.directory:
    - name: /etc/rabbitmq/conf.d
    - user: root
    - group: rabbitmq
    - mode: '0755'
    - require:
      - pkg: rabbitmq_package_installed

{{ rendered('rabbitmq_tls_settings', '/etc/rabbitmq/conf.d/region.conf', 'rabbitmq/files/tls.conf.jinja',
            component='rabbitmq') }}
