{%- from 'lib/config.jinja' import rendered, tools, unit_settings with context %}
{%- from 'lib/region.jinja' import here with context %}
include:
  - .package

{{ rendered('rabbitmq_config_file', '/etc/rabbitmq/rabbitmq.conf', 'rabbitmq/files/rabbitmq.conf.jinja',
            group='rabbitmq', secret=True) }}

{{ rendered('rabbitmq_config_environment', '/etc/rabbitmq/rabbitmq-env.conf',
            'rabbitmq/files/rabbitmq-env.conf.jinja') }}

rabbitmq_config_plugins:
  file.managed:
    - name: /etc/rabbitmq/enabled_plugins
    - contents: '[rabbitmq_prometheus].'
    - user: root
    - group: rabbitmq
    - mode: '0644'
    - require:
      - pkg: rabbitmq_package_installed

# What nodes of one cluster know each other by.
rabbitmq_config_cookie:
  file.managed:
    - name: /var/lib/rabbitmq/.erlang.cookie
    - contents_pillar: secrets:messaging_cookie
    - contents_newline: False
    - user: rabbitmq
    - group: rabbitmq
    - mode: '0400'
    - show_changes: False
    - require:
      - pkg: rabbitmq_package_installed

# Erlang's port mapper: its package lets it listen on every address.
{{ unit_settings('rabbitmq', {'epmd.socket': ['ListenStream=', 'ListenStream=127.0.0.1:4369',
                                              'ListenStream=' ~ here ~ ':4369', 'FreeBind=true']},
                 section='Socket') }}

{{ tools('rabbitmq', {'accounts': 'rabbitmq/files/accounts.py',
                      'authenticate': 'rabbitmq/files/authenticate.py'}) }}
