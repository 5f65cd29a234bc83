# The packages of every component of this node: on all nodes side by side, before any stage.
# Where the release brings updates (pillar/vendor.sls, or another set of packages) all are upgraded,
# once; policy-rc.d keeps maintainer scripts from services, which follow in their own stages
# (lib/service.jinja). Else what is missing comes: at once where a component was never here, only
# fetched where it runs.
{%- from 'lib/command.jinja' import ensured with context %}
{%- set note = '/var/lib/vendor/level' %}
{%- set level = pillar.vendor.suites | join(' ') ~ ' ' ~ pillar.vendor.updates %}
{#- A release that pins its packages is another level with each set: day 0 has named it (role base). #}
{%- set pinned = '/etc/apt/packages.d/release.sources' %}
{%- if salt['file.file_exists'](pinned) %}
{%- set level = level ~ ' ' ~ (salt['file.read'](pinned).split('URIs: ')[1].split() | first) %}
{%- endif %}
{%- set reached = salt['file.read'](note).strip() if salt['file.file_exists'](note) else '' %}
{%- set installed = salt['pkg.list_pkgs']() %}
{%- set every = [] %}
{%- set new = [] %}
{%- set newest = [] %}
{%- for component in pillar.components %}
{%- set packages = pillar[component].packages %}
{%- do every.extend(packages) %}
{%- do newest.append(component ~ '=' ~ packages | join(',')) %}
{%- if packages and packages[0] not in installed %}
{%- do new.extend(packages) %}
{%- endif %}
{%- endfor %}
{%- set missing = every | reject('in', installed) | unique | list %}
{#- What a kernel cannot do, no package brings: it is told before any comes. #}
{%- set asked = [] %}
{%- for component in pillar.components if pillar[component].kernel is defined %}
{%- do asked.append(component ~ '.kernel') %}
{%- endfor %}
include: {{ (asked + ['vendor']) | json }}

# A node that went down in the middle of an installation.
{{ ensured('stage_prepare_repaired', 'broken=$(dpkg --audit && ls /var/lib/dpkg/updates) && [[ -z $broken ]]',
           'DEBIAN_FRONTEND=noninteractive SALT_INSTALLS=yes dpkg --configure -a', timeout=900) }}
{%- set ready = [{'command': 'stage_prepare_repaired'}, {'command': 'vendor_config_suites'}] %}
{%- if reached != level %}

{{ ensured('stage_prepare_upgraded', 'false',
           '/usr/local/sbin/vendor-get upgrade ' ~ every | unique | join(' '), timeout=5400,
           requires=ready) }}
{%- elif missing %}

{{ ensured('stage_prepare_fetched', 'false', '/usr/local/sbin/vendor-get fetch ' ~ missing | join(' '),
           timeout=3600, requires=ready) }}
{%- if new %}

{{ ensured('stage_prepare_installed', 'false',
           '/usr/local/sbin/vendor-get install ' ~ new | unique | join(' '), timeout=5400,
           requires=[{'command': 'stage_prepare_fetched'}]) }}
{%- endif %}
{%- endif %}
{%- if reached != level or new %}

# Last, so that a run cut off before begins anew.
{{ ensured('stage_prepare_noted', 'false',
           '/usr/local/sbin/vendor-newest ' ~ newest | join(' ') ~ " && echo '" ~ level ~ "' >" ~ note,
           requires=[{'command': 'stage_prepare_upgraded' if reached != level
                      else 'stage_prepare_installed'}]) }}
{%- endif %}
