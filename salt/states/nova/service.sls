{%- from 'lib/service.jinja' import started with context %}
include:
  - .config

{%- set needed = [{'file': 'nova_config_file'}, {'unit': 'nova_config_units_loaded'}, {'file': 'nova_config_console'},
                  {'file': 'nova_config_arguments_nova_api'},
                  {'file': 'nova_config_arguments_nova_api_metadata'},
                  {'file': 'nova_config_uwsgi_api'}, {'file': 'nova_config_uwsgi_metadata'},
                  {'file': 'nova_config_log'}] %}
{%- for unit, files in {
      'nova-api': ['/etc/nova/nova-api-uwsgi.ini', '/etc/default/nova-api'],
      'nova-api-metadata': ['/etc/nova/nova-api-metadata-uwsgi.ini',
                            '/etc/default/nova-api-metadata'],
      'nova-conductor': ['/etc/systemd/system/nova-conductor.service.d/region.conf',
                         '/etc/default/nova-conductor'],
      'nova-scheduler': ['/etc/systemd/system/nova-scheduler.service.d/region.conf',
                         '/etc/default/nova-scheduler'],
      'nova-novncproxy': ['/etc/default/nova-consoleproxy', '/etc/default/nova-novncproxy'],
    }.items() %}
{{ started('nova_service_' ~ (unit | replace('nova-', '') | replace('-', '_')), unit,
           ['/etc/nova/nova.conf', '/var/lib/dpkg/info/python3-nova.list'] + files,
           requires=needed) }}
{%- endfor %}
