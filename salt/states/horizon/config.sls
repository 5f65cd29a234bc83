{%- from 'lib/config.jinja' import rendered with context %}
{%- from 'lib/service.jinja' import loaded with context %}
include:
  - .package

# After the package's own settings, which stay as they are.
horizon_config_settings:
  file.managed:
    - name: /etc/openstack-dashboard/local_settings.d/_9000_region.py
    - source: salt://horizon/files/region.py.jinja
    - template: jinja
    - user: root
    - group: www-data
    - mode: '0640'
    - show_changes: False
    - check_cmd: python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())'
    - require:
      - pkg: horizon_package_installed

{{ rendered('horizon_config_uwsgi', '/etc/openstack-dashboard/uwsgi.ini', 'horizon/files/uwsgi.ini.jinja') }}

# The package leaves it to a web server to run the dashboard.
{{ rendered('horizon_config_unit', '/etc/systemd/system/horizon.service', 'horizon/files/horizon.service.jinja') }}

{{ loaded('horizon_config_unit_loaded', ['horizon'], requires=[{'file': 'horizon_config_unit'}]) }}
