{%- from 'lib/service.jinja' import started with context %}
include:
  - .config

{%- set needed = [{'file': 'heat_config_file'}, {'file': 'heat_config_uwsgi'},
                  {'file': 'heat_config_arguments_heat_api'}, {'unit': 'heat_config_units_loaded'},
                  {'file': 'heat_config_log'}] %}
{%- set files = ['/etc/heat/heat.conf', '/var/lib/dpkg/info/python3-heat.list'] %}
{{ started('heat_service_engine', 'heat-engine',
           files + ['/etc/systemd/system/heat-engine.service.d/region.conf', '/etc/default/heat-engine',
                    '/usr/local/lib/heat/stored_context.py'],
           requires=needed + [{'file': 'heat_config_plugin'}]) }}
{{ started('heat_service_api', 'heat-api',
           files + ['/etc/heat/heat-api-uwsgi.ini', '/etc/default/heat-api'], requires=needed) }}
