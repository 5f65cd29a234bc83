# Of the suites that this node has sources of, only those that the release names are taken from.
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/config.jinja' import tools with context %}
{%- set suites = pillar.vendor.suites | join(' ') %}
include:
  - .package

# What the tools have in common.
vendor_config_closure:
  file.managed:
    - name: /usr/local/lib/vendor/closure.py
    - source: salt://vendor/files/closure.py
    - makedirs: True
    - user: root
    - group: root
    - mode: '0644'

{{ tools('vendor', {'get': 'vendor/files/get.py', 'newest': 'vendor/files/newest.py',
                    'plan': 'vendor/files/plan.py', 'stale': 'vendor/files/stale.py',
                    'suites': 'vendor/files/suites.py'}) }}

{{ ensured('vendor_config_suites', '/usr/local/sbin/vendor-suites check ' ~ suites,
           '/usr/local/sbin/vendor-suites apply ' ~ suites, timeout=120,
           requires=[{'pkg': 'vendor_package_installed'}, {'file': 'vendor_config_tools'}]) }}
