{%- from 'haproxy/roles.jinja' import balancing, serving with context %}
{%- from 'lib/region.jinja' import public with context %}
include:
  - .tls

haproxy_config_file:
  file.managed:
    - name: /etc/haproxy/haproxy.cfg
    - source: salt://haproxy/files/haproxy.cfg.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: haproxy -c -q -f
    - require:
      - pkg: haproxy_package_installed
      {%- if balancing %}
      - file: haproxy_tls_certificate
      {%- if public %}
      - file: haproxy_tls_public
      {%- endif %}
      {%- endif %}
      {%- if serving %}
      - file: haproxy_tls_services
      {%- endif %}
{%- if not public %}

# The key of before, once no line names it.
haproxy_config_public_gone:
  file.absent:
    - name: /etc/haproxy/public.pem
    - require:
      - file: haproxy_config_file
{%- endif %}
