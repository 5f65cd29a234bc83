{%- from 'lib/service.jinja' import running with context %}
include:
  - .config
  - .keys

{%- set socket = [{'command': 'keystone_config_socket_folder'}] if 'federation' in pillar.components else [] %}
{{ running('keystone_service', 'keystone',
           ['/etc/keystone/keystone.conf', '/etc/keystone/keystone-uwsgi.ini',
            '/etc/default/keystone', '/var/lib/dpkg/info/keystone.list'],
           requires=[{'file': 'keystone_config_file'}, {'file': 'keystone_config_uwsgi'},
                     {'file': 'keystone_config_arguments_keystone'}, {'file': 'keystone_keys_fernet'},
                     {'file': 'keystone_keys_credential'}] + socket) }}
