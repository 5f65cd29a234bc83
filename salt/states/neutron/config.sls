{%- from 'lib/config.jinja' import arguments, printing, rendered, tools with context %}
include:
  - .package

{{ rendered('neutron_config_file', '/etc/neutron/neutron.conf', 'neutron/files/neutron.conf.jinja',
            group='neutron', secret=True,
            needed=['DEFAULT.transport_url', 'database.connection', 'nova.password']) }}

{{ rendered('neutron_config_plugin', '/etc/neutron/plugins/ml2/ml2_conf.ini',
            'neutron/files/ml2_conf.ini.jinja') }}

{{ rendered('neutron_config_uwsgi', '/etc/neutron/neutron-api-uwsgi.ini',
            'neutron/files/api-uwsgi.ini.jinja') }}

# Its start script reads them under the name that the service once had.
{{ arguments('neutron', 'neutron-server', '--ini /etc/neutron/neutron-api-uwsgi.ini') }}

{{ printing('neutron', ['neutron-rpc-server']) }}

{{ tools('neutron', {'gate': 'lib/files/gate.py', 'schema': 'lib/files/schema.py',
                     'config-check': 'lib/files/config_check.py'}) }}
