# The database of neutron: once, on one node, before services of this version start. It is widened (all
# of its schema comes where there is none yet); what only older services need goes afterwards
# (neutron.finish). A release that names revisions is taken at its word.
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/schema.jinja' import schema_current with context %}
{%- set schema = pillar.neutron.schema %}
{%- set upgrade = 'neutron-db-manage --config-file /etc/neutron/neutron.conf'
                  ~ ' --config-file /etc/neutron/plugins/ml2/ml2_conf.ini upgrade ' %}
{%- set widened = 'if ' ~ schema_current('neutron', 'any') ~ '; then ' ~ upgrade ~ '--expand; else '
                  ~ upgrade ~ 'heads; fi' %}
include:
  - .config

{{ ensured('neutron_migrate_schema',
           schema_current('neutron', 'expanded' if schema == ['heads'] else schema | join(',')),
           widened if schema == ['heads'] else upgrade ~ schema | join(' && ' ~ upgrade),
           runas='neutron', timeout=900, parallel=True,
           requires=[{'file': 'neutron_config_file'}, {'file': 'neutron_config_plugin'},
                     {'file': 'neutron_config_tools'}]) }}
