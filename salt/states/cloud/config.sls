# What brings a cloud's own things about; session.py comes with `trust`.
include:
  - .package

cloud_config_tools:
  file.managed:
    - names:
    {%- for name in ['things', 'contract', 'flavors', 'images', 'networks', 'aggregates', 'quotas',
                    'domains', 'directories', 'providers'] %}
      - /usr/local/lib/cloud/{{ name }}.py:
        - source: salt://cloud/files/{{ name }}.py
    {%- endfor %}
    - makedirs: True
    - user: root
    - group: root
    - mode: '0644'
    - require:
      - pkg: cloud_package_installed
