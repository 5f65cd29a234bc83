# The database of neutron: once, on one node, before services of this version start.
{%- from 'lib/command.jinja' import ensured with context %}
{%- set versions = '/usr/lib/python3/dist-packages/neutron/db/migration/alembic_migrations/versions' %}
{%- set schema = pillar.neutron.schema %}
{%- set upgrade = 'neutron-db-manage --config-file /etc/neutron/neutron.conf'
                  ~ ' --config-file /etc/neutron/plugins/ml2/ml2_conf.ini upgrade ' %}
include:
  - .config

{{ ensured('neutron_migrate_schema',
           '/usr/local/sbin/neutron-schema /etc/neutron/neutron.conf database '
           ~ (versions if schema == ['heads'] else schema | join(',')),
           upgrade ~ schema | join(' && ' ~ upgrade),
           runas='neutron', timeout=900, parallel=True,
           requires=[{'file': 'neutron_config_file'}, {'file': 'neutron_config_plugin'},
                     {'file': 'neutron_config_tools'}]) }}
