{%- from 'lib/config.jinja' import arguments, printing, rendered, tools, unit_settings with context %}
include:
  - .package

{{ rendered('nova_config_file', '/etc/nova/nova.conf', 'nova/files/nova.conf.jinja', group='nova',
            secret=True, needed=['DEFAULT.transport_url', 'database.connection',
                                 'keystone_authtoken.password']) }}

{{ rendered('nova_config_uwsgi_api', '/etc/nova/nova-api-uwsgi.ini', 'nova/files/api-uwsgi.ini.jinja') }}

{{ rendered('nova_config_uwsgi_metadata', '/etc/nova/nova-api-metadata-uwsgi.ini',
            'nova/files/metadata-uwsgi.ini.jinja') }}

{{ arguments('nova', 'nova-api', '--ini /etc/nova/nova-api-uwsgi.ini') }}

{{ arguments('nova', 'nova-api-metadata', '--ini /etc/nova/nova-api-metadata-uwsgi.ini') }}

# Which console proxy the package's start scripts let run.
nova_config_console:
  file.managed:
    - name: /etc/default/nova-consoleproxy
    - contents: |
        # Written by Salt (nova.config).
        NOVA_CONSOLE_PROXY_TYPE=novnc
    - user: root
    - group: root
    - mode: '0644'
    - require:
      - pkg: nova_package_installed

{{ printing('nova', ['nova-conductor', 'nova-scheduler', 'nova-novncproxy']) }}

{{ tools('nova', {'alive': 'lib/files/alive.py', 'schema': 'lib/files/schema.py',
                  'cells': 'nova/files/cells.py', 'config-check': 'lib/files/config_check.py',
                  'tidy': 'nova/files/tidy.sh'}) }}

# They are ready once the services that they call answer: after a boot of the whole node, late.
{{ unit_settings('nova', {'nova-conductor.service': ['TimeoutStartSec=300'],
                          'nova-scheduler.service': ['TimeoutStartSec=300']}) }}
