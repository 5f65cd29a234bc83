# One release onto one environment, stage by stage; the first step that fails is the last one.
# Called with saltenv=<digest> pillarenv=<digest> and the pillar {environment: {name, nodes},
# roles: {role: [components]}, batch: how many nodes of a kind at once after the canary}.
{%- from 'steps.jinja' import batches, first_nodes, minions, of_role, one_by_one, step, with_role with context %}
{%- set everyone = minions() | load_json %}
{%- set identity = with_role('identity') | load_json %}
{%- set migrated = ['image', 'placement', 'compute-api', 'network-api', 'volume-api'] %}
{%- set services = migrated + ['dashboard'] %}
{%- set control = with_role(*services) | load_json %}
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

{{ step('packages', everyone, ['stage.prepare']) }}
{#- What is a cluster comes up, and changes, node by node; foundation finds it as it should be. #}
{%- set databases = with_role('database') | load_json %}
{%- if databases | length > 1 %}
{{ step('database_watched', databases, ['mariadb.cluster']) }}
{{ step('database_founded', databases, ['mariadb.found']) }}
{{ step('database_joined', databases, ['mariadb.join']) }}
{{ one_by_one('database', databases, ['mariadb', 'mariadb.synced']) }}
{%- endif %}
{%- set brokers = with_role('messaging') | load_json %}
{%- if brokers | length > 1 %}
{{ one_by_one('messaging', brokers, ['rabbitmq', 'rabbitmq.synced']) }}
{%- endif %}
{{ step('foundation', everyone, ['stage.foundation']) }}
{%- if identity %}
{{ step('identity_canary', identity[:1],
        ['keystone.migrate', 'keystone', 'keystone.bootstrap', 'keystone.health']) }}
{{ batches('identity', identity[1:], ['keystone', 'keystone.health']) }}
{%- if control %}
{{ step('catalogue', identity[:1], ['keystone.catalogue']) }}
{%- endif %}
{%- endif %}
{%- if control %}
{#- The first node of each role migrates that role's database. #}
{%- set migrations = {} %}
{%- for role in migrated if pillar.roles[role] %}
{%- for name in (with_role(role) | load_json)[:1] %}
{%- do migrations.update({name: migrations.get(name, []) + pillar.roles[role]}) %}
{%- endfor %}
{%- endfor %}
{%- if migrations %}
{{ step('migrations', migrations | list, ['stage.migrate'], pillar={'migrate': migrations}) }}
{%- endif %}
{{ step('control_canary', control_canaries, ['stage.control']) }}
{{ batches('control', control | reject('in', control_canaries) | list, ['stage.control']) }}
{%- endif %}
{{ of_role('volume') }}
{{ of_role('network') }}
{%- set hypervisors = with_role('hypervisor') | load_json %}
{{ of_role('hypervisor') }}
{%- set discoverers = with_role('compute-api') | load_json %}
{%- if hypervisors and discoverers and pillar.roles['hypervisor'] %}
{{ step('hypervisors_discovered', discoverers[:1], ['nova.discover']) }}
{%- endif %}
{%- set balancers = with_role('load-balancer') | load_json %}
{%- if balancers %}
{{ step('load_balancer', balancers, ['haproxy.health']) }}
{%- endif %}
