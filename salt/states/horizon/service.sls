{%- from 'lib/service.jinja' import started with context %}
include:
  - .config

{{ started('horizon_service', 'horizon',
           ['/etc/openstack-dashboard/local_settings.d/_9000_region.py',
            '/etc/openstack-dashboard/uwsgi.ini', '/etc/systemd/system/horizon.service',
            '/var/lib/dpkg/info/python3-django-horizon.list'],
           requires=[{'file': 'horizon_config_settings'}, {'file': 'horizon_config_uwsgi'},
                     {'unit': 'horizon_config_unit_loaded'}]) }}
