# Debian's Apache with one site, listening where this node's services do.
{%- from 'lib/config.jinja' import rendered with context %}
{%- from 'lib/region.jinja' import inside with context %}
{%- set named = (pillar.get('cloud') or {}).get('providers', {}) | reject('equalto', '*') | list %}
include:
  - .package
{%- if 'keystone' not in pillar.components or named | length != 1 %}

federation_config_fits:
  test.fail_without_changes:
    - name: the role login wants a node with identity, and one provider in the settings (cloud.providers)
{%- endif %}

federation_config_ports:
  file.managed:
    - name: /etc/apache2/ports.conf
    - contents: |
        # Written by Salt (federation.config).
        Listen {{ inside }}:{{ pillar.services.login.backend_port }}
    - user: root
    - group: root
    - mode: '0644'
    - require:
      - pkg: federation_package_installed
{%- if 'keystone' not in pillar.components or named | length != 1 %}
      - test: federation_config_fits
{%- endif %}

federation_config_default:
  file.absent:
    - name: /etc/apache2/sites-enabled/000-default.conf
    - require:
      - pkg: federation_package_installed
{%- for module in ['proxy.load', 'proxy.conf', 'proxy_uwsgi.load', 'auth_openidc.load', 'auth_openidc.conf'] %}

federation_config_module_{{ module | replace('.', '_') }}:
  file.symlink:
    - name: /etc/apache2/mods-enabled/{{ module }}
    - target: ../mods-available/{{ module }}
    - require:
      - pkg: federation_package_installed
    - require_in:
      - file: federation_config_site
{%- endfor %}

{{ rendered('federation_config_site', '/etc/apache2/sites-enabled/region.conf',
            'federation/files/site.conf.jinja', secret=True) }}
