# Keys of tokens and of stored credentials: the environment's own, the same on every node.
include:
  - .package
{%- for kind in ('fernet', 'credential') %}
{%- set folder = '/etc/keystone/' ~ kind ~ '-keys' %}
{%- set count = pillar.secrets['keystone_' ~ kind] | length %}

keystone_keys_{{ kind }}:
  file.directory:
    - name: {{ folder }}
    - user: keystone
    - group: keystone
    - mode: '0700'
    - clean: True
    - require:
      - pkg: keystone_package_installed
{%- for index in range(count) %}
      - file: keystone_keys_{{ kind }}_{{ index }}
{%- endfor %}
{%- for index in range(count) %}

keystone_keys_{{ kind }}_{{ index }}:
  file.managed:
    - name: {{ folder }}/{{ index }}
    - contents_pillar: secrets:keystone_{{ kind }}:{{ index }}
    - contents_newline: False
    - makedirs: True
    - dir_mode: '0700'
    - user: keystone
    - group: keystone
    - mode: '0600'
    - show_changes: False
    - require:
      - pkg: keystone_package_installed
{%- endfor %}
{%- endfor %}
