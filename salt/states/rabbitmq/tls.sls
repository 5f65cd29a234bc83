# What the message queue shows its clients. A broker reads both files anew by itself (rabbitmq.access): no
# restart for a certificate that was renewed.
{%- from 'lib/config.jinja' import rendered with context %}
{%- from 'lib/tls.jinja' import certificate_files with context %}
{%- from 'rabbitmq/tls.jinja' import authority, certificate, key with context %}
include:
  - .package

{{ certificate_files('rabbitmq', 'messaging_tls', 'rabbitmq', authority, certificate, key) }}

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
