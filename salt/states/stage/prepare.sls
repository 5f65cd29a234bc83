# The packages of every component of this node: on all nodes side by side, before any stage.
# Installed at once where a component was never here (policy-rc.d lets nothing start); else only
# fetched, so that nothing that runs is touched before its turn.
{%- from 'lib/command.jinja' import ensured with context %}
{%- set installed = salt['pkg.list_pkgs']() %}
{%- set missing = [] %}
{%- set new = [] %}
{%- for component in pillar.components %}
{%- set packages = pillar[component].packages %}
{%- do missing.extend(packages | reject('in', installed) | list) %}
{%- if packages and packages[0] not in installed %}
{%- do new.extend(packages) %}
{%- endif %}
{%- endfor %}

# A node that went down in the middle of an installation.
{{ ensured('stage_prepare_repaired', '[[ -z $(dpkg --audit) && -z $(ls /var/lib/dpkg/updates) ]]',
           'DEBIAN_FRONTEND=noninteractive dpkg --configure -a', timeout=900) }}
{%- if missing %}

stage_prepare_lists:
  cmd.run:
    - name: apt-get -q update
    - timeout: 300
    - require:
      - cmd: stage_prepare_repaired

stage_prepare_fetched:
  cmd.run:
    - name: apt-get -qy --no-install-recommends --download-only install {{ missing | unique | join(' ') }}
    - env: {DEBIAN_FRONTEND: noninteractive}
    - timeout: 900
    - require:
      - cmd: stage_prepare_lists

{%- if new %}

stage_prepare_installed:
  cmd.run:
    - name: apt-get -qy --no-install-recommends install {{ new | unique | join(' ') }}
    - env: {DEBIAN_FRONTEND: noninteractive}
    - timeout: 1800
    - require:
      - cmd: stage_prepare_fetched
{%- endif %}
{%- endif %}
