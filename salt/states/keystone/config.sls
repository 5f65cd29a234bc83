include:
  - .package

keystone_config_file:
  file.managed:
    - name: /etc/keystone/keystone.conf
    - source: salt://keystone/files/keystone.conf.jinja
    - template: jinja
    - user: root
    - group: keystone
    - mode: '0640'
    - show_changes: False
    - check_cmd: /usr/local/sbin/keystone-config-check
    - require:
      - pkg: keystone_package_installed
      - file: keystone_config_tools

keystone_config_uwsgi:
  file.managed:
    - name: /etc/keystone/keystone-uwsgi.ini
    - source: salt://keystone/files/keystone-uwsgi.ini.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - require:
      - pkg: keystone_package_installed

# The package's start script listens on every address unless its arguments are set here.
keystone_config_listen:
  file.managed:
    - name: /etc/default/keystone
    - contents: |
        # Written by Salt (keystone.config).
        DAEMON_ARGS="--ini /etc/keystone/keystone-uwsgi.ini"
    - user: root
    - group: root
    - mode: '0644'
    - require:
      - pkg: keystone_package_installed

keystone_config_tools:
  file.managed:
    - names:
      - /usr/local/sbin/keystone-authenticate:
        - source: salt://keystone/files/authenticate.py
      - /usr/local/sbin/keystone-config-check:
        - source: salt://keystone/files/config_check.py
      - /usr/local/sbin/keystone-schema:
        - source: salt://keystone/files/schema.py
    - user: root
    - group: root
    - mode: '0755'
