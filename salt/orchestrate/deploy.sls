# One release onto one environment, stage by stage; the first step that fails is the last one.
# Called with saltenv=<digest> pillarenv=<digest> and the pillar {environment: {name, nodes},
# roles: {role: [components]}, batch: how many nodes of a kind at once after the canary}.
{%- from 'steps.jinja' import minions, step, with_role with context %}
{%- set everyone = minions() | load_json %}
{%- set foundation = with_role('database', 'cache') | load_json %}
{%- set identity = with_role('identity') | load_json %}
{%- set balancers = with_role('load-balancer') | load_json %}
{%- set batch_size = pillar.get('batch') or [(identity | length) // 2, 1] | max %}

file_lists_cleared:
  salt.runner:
    - name: fileserver.clear_file_list_cache
    - failhard: True

{#- Modules of this release, or of the one that is deployed and may have to go. #}
{%- set folders = salt['cp.list_master_dirs'](saltenv) + salt['cp.list_master_dirs']('current') %}
{%- if folders | select('match', '_') | list %}
{{ step('modules_synced', everyone, function='saltutil.sync_all') }}
{%- endif %}

{{ step('packages', everyone, ['stage.prepare']) }}
{%- if foundation %}
{{ step('database_and_cache', foundation, ['stage.foundation']) }}
{%- endif %}
{%- if identity %}
{{ step('identity_canary', identity[:1],
        ['keystone.migrate', 'keystone', 'keystone.bootstrap', 'keystone.health']) }}
{%- for batch in identity[1:] | batch(batch_size) %}
{{ step('identity_batch_' ~ loop.index, batch, ['keystone', 'keystone.health']) }}
{%- endfor %}
{%- endif %}
{%- if balancers %}
{{ step('load_balancer', balancers, ['haproxy', 'haproxy.health']) }}
{%- endif %}
