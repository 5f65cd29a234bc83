{%- from 'lib/service.jinja' import started with context %}
include:
  - .config

{%- set needed = [{'file': 'cinder_config_file'}, {'file': 'cinder_config_uwsgi'},
                  {'file': 'cinder_config_arguments_cinder_api'}, {'file': 'cinder_config_log'}] %}
{%- set files = ['/etc/cinder/cinder.conf', '/var/lib/dpkg/info/python3-cinder.list'] %}
{{ started('cinder_service_api', 'cinder-api',
           files + ['/etc/cinder/cinder-api-uwsgi.ini', '/etc/default/cinder-api'],
           requires=needed) }}
{{ started('cinder_service_scheduler', 'cinder-scheduler', files + ['/etc/default/cinder-scheduler'],
           requires=needed) }}
