{%- from 'lib/service.jinja' import started with context %}
include:
  - .config

{%- set needed = [{'file': 'neutron_config_file'}, {'file': 'neutron_config_plugin'},
                  {'file': 'neutron_config_arguments_neutron_server'}, {'file': 'neutron_config_uwsgi'},
                  {'file': 'neutron_config_log'}] %}
{%- set files = ['/etc/neutron/neutron.conf', '/etc/neutron/plugins/ml2/ml2_conf.ini',
                 '/var/lib/dpkg/info/python3-neutron.list'] %}
{{ started('neutron_service_rpc', 'neutron-rpc-server', files + ['/etc/default/neutron-rpc-server'],
           requires=needed) }}
{{ started('neutron_service_api', 'neutron-api',
           files + ['/etc/neutron/neutron-api-uwsgi.ini', '/etc/default/neutron-server'],
           requires=needed) }}
