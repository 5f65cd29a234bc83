{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/config.jinja' import arguments, rendered, tools with context %}
include:
  - .package

{{ rendered('keystone_config_file', '/etc/keystone/keystone.conf', 'keystone/files/keystone.conf.jinja',
            group='keystone', secret=True, needed=['database.connection', 'token.provider']) }}

{{ rendered('keystone_config_uwsgi', '/etc/keystone/keystone-uwsgi.ini',
            'keystone/files/keystone-uwsgi.ini.jinja') }}

{{ arguments('keystone', 'keystone', '--ini /etc/keystone/keystone-uwsgi.ini') }}

{{ tools('keystone', {'authenticate': 'keystone/files/authenticate.py',
                      'catalogue': 'keystone/files/catalogue.py',
                      'config-check': 'lib/files/config_check.py',
                      'schema': 'lib/files/schema.py'}) }}
{%- if 'federation' in pillar.components %}

# The folder of a socket that keystone makes and the web server's account (www-data) connects to.
keystone_config_socket:
  file.managed:
    - name: /etc/tmpfiles.d/keystone-login.conf
    - contents: |
        # Written by Salt (keystone.config).
        d /run/keystone-login 2710 keystone www-data
    - user: root
    - group: root
    - mode: '0644'
    - require:
      - pkg: keystone_package_installed

{{ ensured('keystone_config_socket_folder', '[[ -d /run/keystone-login ]]',
           'systemd-tmpfiles --create /etc/tmpfiles.d/keystone-login.conf',
           requires=[{'file': 'keystone_config_socket'}]) }}
{%- endif %}
