{%- from 'lib/monitoring.jinja' import exporter with context %}
include:
  - .package

memcached_config_file:
  file.managed:
    - name: /etc/memcached.conf
    - source: salt://memcached/files/memcached.conf.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - require:
      - pkg: memcached_package_installed

{{ exporter('memcached', 'memcached-exporter', {'exporter.py': 'memcached/files/exporter.py'},
            'memcached/files/memcached-exporter.service.jinja') }}
