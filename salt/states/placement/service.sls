{%- from 'lib/service.jinja' import started with context %}
include:
  - .config

{{ started('placement_service', 'placement-api',
           ['/etc/placement/placement.conf', '/etc/placement/placement-api-uwsgi.ini',
            '/etc/default/placement-api', '/var/lib/dpkg/info/python3-placement.list'],
           requires=[{'file': 'placement_config_file'}, {'file': 'placement_config_uwsgi'},
                     {'file': 'placement_config_arguments_placement_api'}]) }}
