# Packages, on all nodes side by side, before any stage. Where a component was never here they come at
# once, on a new node with all that is newer. Where the release brings updates to a node that runs
# (pillar/vendor.sls, or another set of packages), they are only fetched: each component brings its share
# in its own stage (lib/package.jinja), stage.rest what is left. So it goes where a release is gone back to
# with its older packages (docs/adr/077-package-sets.md). policy-rc.d keeps maintainer scripts from
# services, which follow when their packages have come (lib/service.jinja).
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/region.jinja' import of_stage with context %}
{%- set note = '/var/lib/vendor/level' %}
{%- set level = pillar.vendor.suites | join(' ') ~ ' ' ~ pillar.vendor.updates %}
{#- A release that pins its packages is another level with each set: day 0 has named it (role base). #}
{%- set pinned = '/etc/apt/packages.d/release.sources' %}
{%- if salt['file.file_exists'](pinned) %}
{%- set level = level ~ ' ' ~ (salt['file.read'](pinned).split('URIs: ')[1].split() | first) %}
{%- endif %}
{%- set reached = salt['file.read'](note).strip() if salt['file.file_exists'](note) else '' %}
{#- Gone back to, with its packages: what the set of this release has in older versions comes, too. #}
{%- set back = pillar.get('older_packages', False) %}
{%- set planned = salt['file.directory_exists']('/var/lib/vendor/plan') %}
{%- set installed = salt['pkg.list_pkgs']() %}
{%- set every = [] %}
{%- set new = [] %}
{%- set words = {} %}
{%- for component in pillar.components %}
{%- set packages = pillar[component].packages %}
{%- do every.extend(packages) %}
{%- do words.update({component: component ~ '=' ~ packages | join(',')}) %}
{%- if packages and packages[0] not in installed %}
{%- do new.extend(packages) %}
{%- endif %}
{%- endfor %}
{%- set missing = every | reject('in', installed) | unique | list %}
{%- set newest = words.values() | join(' ') %}
{#- The components in the order in which they come, then those of every node, as the plan wants them. #}
{%- set coming = [] %}
{%- for stage in ['foundation', 'identity', 'control', 'agents'] %}
{%- do coming.extend(of_stage(stage) | load_json) %}
{%- endfor %}
{%- set common = pillar.role_map.common | difference(coming + ['vendor']) %}
{%- set ordered = [] %}
{%- for component in coming | unique | list + common if component in words %}
{%- do ordered.extend((['--'] if component in common and '--' not in ordered else []) + [words[component]]) %}
{%- endfor %}
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
{%- if not reached %}

{{ ensured('stage_prepare_upgraded', 'false',
           '/usr/local/sbin/vendor-get upgrade ' ~ every | unique | join(' '), timeout=5400,
           requires=ready) }}
{%- elif reached != level or back %}

{{ ensured('stage_prepare_fetched', 'false',
           '/usr/local/sbin/vendor-plan ' ~ ('back ' ~ pillar.vendor.suites | join(',') if back else 'make')
           ~ " '" ~ level ~ "' " ~ ordered | join(' '), timeout=3600, requires=ready) }}
{%- else %}
{%- if planned %}

# Of a deployment that was given up.
{{ ensured('stage_prepare_dropped', 'false', '/usr/local/sbin/vendor-plan drop ' ~ newest, requires=ready) }}
{%- endif %}
{%- if missing %}

{{ ensured('stage_prepare_fetched', 'false', '/usr/local/sbin/vendor-get fetch ' ~ missing | join(' '),
           timeout=3600, requires=ready) }}
{%- endif %}
{%- endif %}
{%- if reached and new %}

{{ ensured('stage_prepare_installed', 'false',
           '/usr/local/sbin/vendor-get install ' ~ new | unique | join(' '), timeout=5400,
           requires=[{'command': 'stage_prepare_fetched'}]) }}
{%- endif %}
{%- if not reached or (new and reached == level and not back) %}

# Last, so that a run cut off before begins anew.
{{ ensured('stage_prepare_noted', 'false',
           '/usr/local/sbin/vendor-newest ' ~ newest ~ " && echo '" ~ level ~ "' >" ~ note,
           requires=[{'command': 'stage_prepare_installed' if reached else 'stage_prepare_upgraded'}]) }}
{%- endif %}
