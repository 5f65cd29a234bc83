# Which databases of the components that the orchestration names (as for stage.migrate) are about to be
# migrated: those count as changed, and nothing else does. What was never here has nothing to lose.
# Of a version that is still to come (vendor/files/plan.py) nobody knows yet what schema it has: it counts.
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/schema.jinja' import configuration, schema_current with context %}
{%- set named = (pillar.migrate | default({})).get(pillar.environment.node, []) %}
{%- for component in named if salt['file.file_exists'](configuration(component)) %}
{%- set schema = pillar[component].schema | default(['heads']) %}
{{ ensured('stage_schemas_' ~ component,
           schema_current(component, '' if schema == ['heads'] else schema | join(','))
           ~ " && ! grep -qsr '^python3-" ~ component ~ "=' /var/lib/vendor/plan",
           'true', runas=component, timeout=120, parallel=True, told='to be migrated') }}
{%- else %}
stage_schemas_none:
  test.nop
{%- endfor %}
