# What hypervisors show each other, for nova's own account (libvirt/tls.sls has it for libvirt and QEMU).
include:
  - .package

nova_compute_peers_authority:
  file.managed:
    - name: /etc/nova/peers/authority.crt
    - contents: {{ pillar.environment.ca | json }}
    - makedirs: True
    - user: root
    - group: nova
    - mode: '0644'
    - require:
      - pkg: nova_compute_package_installed
{%- for part in ('certificate', 'key') %}

nova_compute_peers_{{ part }}:
  file.managed:
    - name: /etc/nova/peers/hypervisor.{{ part }}
    - contents_pillar: secrets:hypervisor_tls:{{ part }}
    - user: root
    - group: nova
    - mode: '0640'
    - show_changes: False
    - require:
      - file: nova_compute_peers_authority
{%- endfor %}
