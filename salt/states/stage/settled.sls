# After stage.rest. What every node has came before all that it shares with the node's roles, so it is
# looked at once more; then no service may be left that runs on files which are gone.
{%- from 'lib/health.jinja' import answers with context %}
{%- set common = pillar.role_map.common | difference(['vendor']) %}
{%- set packages = [] %}
{%- for component in pillar.components %}
{%- do packages.extend(pillar[component].packages) %}
{%- endfor %}
include: {{ (common + common | map('regex_replace', '$', '.health') | list) | json }}

{{ answers('stage_settled_fresh', '/usr/local/sbin/vendor-stale ' ~ packages | unique | join(' '), 60) }}
