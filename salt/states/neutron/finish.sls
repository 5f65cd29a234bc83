# Narrow the database: once, when every node runs this version.
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/schema.jinja' import schema_current with context %}
{%- if pillar.neutron.schema == ['heads'] %}
{{ ensured('neutron_finish_schema', schema_current('neutron'),
           'neutron-db-manage --config-file /etc/neutron/neutron.conf'
           ~ ' --config-file /etc/neutron/plugins/ml2/ml2_conf.ini upgrade --contract',
           runas='neutron', timeout=900, parallel=True) }}
{%- endif %}
