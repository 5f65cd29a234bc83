# What hypervisors show each other when an instance moves: the certificate that they have together, by
# the region's authority. libvirt, as server and as client, and QEMU look for it at places of their own.
{%- from 'libvirt/tls.jinja' import certificates, keys with context %}
include:
  - .package

libvirt_tls_authority:
  file.managed:
    - names: [/etc/pki/CA/cacert.pem, /etc/pki/qemu/ca-cert.pem]
    - contents: {{ pillar.environment.ca | json }}
    - makedirs: True
    - user: root
    - group: root
    - mode: '0644'
    - require:
      - pkg: libvirt_package_installed

# Instances of QEMU run as a user of the group libvirt-qemu.
{%- for part, paths in {'certificate': certificates, 'key': keys}.items() %}

libvirt_tls_{{ part }}:
  file.managed:
    - names:
    {%- for path, group in paths.items() %}
      - {{ path }}:
        - group: {{ group }}
    {%- endfor %}
    - contents_pillar: secrets:hypervisor_tls:{{ part }}
    - makedirs: True
    - user: root
    - mode: '0640'
    - show_changes: False
    - require:
      - file: libvirt_tls_authority
{%- endfor %}
