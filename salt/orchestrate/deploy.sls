# One release onto one environment, stage by stage; the first step that fails is the last one.
# Called with saltenv=<digest> pillarenv=<digest> and the pillar {environment: {name, nodes},
# role_map: {common, roles: those of roles.yml in their order}, and where the environment says it
# batch: how many nodes of a kind at once after the canary, or batch_percent: of them; and where a
# release is gone back to with the packages that it pins, older_packages: true}.
{#- A release that knew no TLS between nodes, and one account for the whole message queue, is replaced
    while the region lives: servers take its services' ways, too, and those of this release share its
    virtual host, until the last steps. -#}
{%- set there = salt['cp.list_master']('current') -%}
{%- set from_plain = there | length > 0 and 'rabbitmq/files/accounts.py' not in there -%}
{%- from 'steps.jinja' import batches, first_nodes, minions, of_role, of_stage, one_by_one, step, with_role with context %}
{%- set everyone = minions() | load_json %}
{%- set identity = with_role('identity') | load_json %}
{%- set services = of_stage('control') | load_json %}
{%- set control = with_role(*services) | load_json %}
{%- set offering = pillar.role_map.roles | selectattr('offers', 'defined') | map(attribute='name') | list %}
{%- set control_canaries = first_nodes(services) | load_json %}

file_lists_cleared:
  salt.runner:
    - name: fileserver.clear_file_list_cache
    - failhard: True

{#- Modules of this release, or of the one that is deployed and may have to go. #}
{%- set folders = salt['cp.list_master_dirs'](saltenv) + salt['cp.list_master_dirs']('current') %}
{%- if folders | select('match', '_') | list %}
{{ step('modules_synced', everyone, function='saltutil.sync_all') }}
{%- endif %}

{%- set back = {'older_packages': True} if pillar.get('older_packages') else {} %}
{{ step('packages', everyone, ['stage.prepare'], pillar=back) }}
{#- What is a cluster comes up, and changes, node by node; foundation finds it as it should be. #}
{%- set databases = with_role('database') | load_json %}
{%- if databases | length > 1 %}
{%- set later = {'packages_later': true} %}
{{ step('database_watched', databases, ['mariadb.cluster'], pillar=later) }}
{{ step('database_founded', databases, ['mariadb.found'], pillar=later) }}
{{ step('database_joined', databases, ['mariadb.join'], pillar=later) }}
{{ one_by_one('database', databases, ['mariadb', 'mariadb.synced']) }}
{%- endif %}
{%- set brokers = with_role('messaging') | load_json %}
{%- if brokers | length > 1 %}
{{ one_by_one('messaging', brokers, ['rabbitmq', 'rabbitmq.synced']) }}
{%- endif %}
{#- What load balancers of this release will ask by TLS, where none of them is. #}
{%- set ends = with_role(*offering) | load_json | difference(with_role('load-balancer') | load_json) %}
{%- if from_plain and ends %}
{{ step('service_ends', ends, ['haproxy']) }}
{%- endif %}
{{ step('foundation', everyone, ['stage.foundation']) }}
{#- The first node of each role migrates that role's database. #}
{%- set migrations = {} %}
{%- for role in pillar.role_map.roles if role.stage in ('identity', 'control') and role.databases is defined %}
{%- for name in (with_role(role.name) | load_json)[:1] %}
{%- do migrations.update({name: migrations.get(name, []) + role.components[:1]}) %}
{%- endfor %}
{%- endfor %}
{#- There is no way back over a migration but by a backup from before it. #}
{%- if databases and migrations %}
{{ step('schemas', migrations | list, ['stage.schemas'], pillar={'migrate': migrations}) }}
{{ step('backup', databases[-1:], ['mariadb.backup'], after_changes='schemas') }}
{%- endif %}
{%- if identity %}
{{ step('identity_canary', identity[:1],
        ['keystone.migrate', 'keystone', 'keystone.bootstrap', 'cloud', 'cloud.health', 'keystone.health']) }}
{{ batches('identity', identity[1:], ['keystone', 'cloud', 'cloud.health', 'keystone.health']) }}
{%- if control %}
{{ step('catalogue', identity[:1], ['keystone.catalogue']) }}
{%- endif %}
{%- endif %}
{%- if control %}
{#- keystone's came with its canary. #}
{%- set of_control = {} %}
{%- for name, components in migrations.items() if components | difference(['keystone']) %}
{%- do of_control.update({name: components | difference(['keystone'])}) %}
{%- endfor %}
{%- if of_control %}
{{ step('migrations', of_control | list, ['stage.migrate'], pillar={'migrate': of_control}) }}
{%- endif %}
{{ step('control_canary', control_canaries, ['stage.control']) }}
{{ batches('control', control | reject('in', control_canaries) | list, ['stage.control']) }}
{%- endif %}
{%- for role in pillar.role_map.roles if role.stage == 'agents' %}
{{ of_role(role) }}
{%- endfor %}
{#- No service of the version before is left: what only those needed goes. #}
{%- if migrations %}
{{ step('migrations_finished', migrations | list, ['stage.finish'], pillar={'migrate': migrations}) }}
{%- endif %}
{%- if from_plain %}
{#- Nobody is left of before: each service moves to its own virtual host, nova's map of cells first, and
    servers take no other ways any more. #}
{%- set movers = with_role(*(pillar.role_map.roles | selectattr('messaging', 'defined')
                             | map(attribute='name') | list)) | load_json %}
{%- for name in (with_role('compute-api') | load_json)[:1] %}
{{ step('moved_cells', [name], ['stage.migrate'], pillar={'migrate': {name: ['nova']}}, last=True) }}
{%- endfor %}
{%- if movers %}
{{ step('moved', movers, ['stage.moved'], last=True) }}
{%- endif %}
{%- if databases | length > 1 %}
{{ one_by_one('database_closed', databases, ['mariadb', 'mariadb.synced'], last=True) }}
{%- endif %}
{%- if brokers | length > 1 %}
{{ one_by_one('messaging_closed', brokers, ['rabbitmq', 'rabbitmq.synced'], last=True) }}
{%- endif %}
{{ step('foundation_closed', everyone, ['stage.foundation'], last=True) }}
{%- endif %}
{#- With hypervisors discovered, what is the cloud's own comes: in one call where one node does both. #}
{%- set last = {} %}
{%- set discoverers = with_role('compute-api') | load_json %}
{%- if with_role('hypervisor') | load_json and discoverers %}
{%- do last.update({discoverers[0]: ['nova.discover']}) %}
{%- endif %}
{%- if identity and control %}
{%- do last.update({identity[0]: last.get(identity[0], []) + ['cloud.brought']}) %}
{%- endif %}
{%- for name, states in last.items() %}
{{ step('cloud_' ~ name, [name], states, last=True) }}
{%- endfor %}
{#- What no service stands on comes last, where there is anything new. #}
{{ step('packages_rest', everyone, ['stage.rest', 'stage.settled'], after_changes='packages', last=True) }}
{%- set balancers = with_role('load-balancer') | load_json %}
{%- if balancers %}
{{ step('load_balancer', balancers, ['haproxy.health'], last=True) }}
{%- endif %}
