# Services see the region's certificate, outsiders the one for the name that they use, load balancers on
# other nodes that of the services.
{%- from 'haproxy/roles.jinja' import balancing, serving with context %}
{%- from 'lib/region.jinja' import public with context %}
include:
  - .package
{%- set shown = {} %}
{%- if balancing %}
{%- do shown.update({'certificate': ('region', 'load_balancer_tls')}) %}
{%- if public %}
{%- do shown.update({'public': ('public', 'public_tls')}) %}
{%- endif %}
{%- endif %}
{%- if serving %}
{%- do shown.update({'services': ('services', 'service_tls')}) %}
{%- endif %}
{%- for id, (file, secret) in shown.items() %}

haproxy_tls_{{ id }}:
  file.managed:
    - name: /etc/haproxy/{{ file }}.pem
    - contents_pillar:
      - secrets:{{ secret }}:certificate
      - secrets:{{ secret }}:key
    - user: root
    - group: root
    - mode: '0600'
    - show_changes: False
    - require:
      - pkg: haproxy_package_installed
{%- endfor %}
