# How tools of other components ask the region's API, which this authority vouches for.
trust_config_session:
  file.managed:
    - name: /usr/local/lib/region/session.py
    - source: salt://lib/files/session.py
    - makedirs: True
    - user: root
    - group: root
    - mode: '0644'

# The region's authority among those that every program of this node trusts.
{%- from 'lib/command.jinja' import ensured with context %}
include:
  - .package

trust_config_authority:
  file.managed:
    - name: /usr/local/share/ca-certificates/region.crt
    - contents: {{ pillar.environment.ca | json }}
    - user: root
    - group: root
    - mode: '0644'
    - require:
      - pkg: trust_package_installed

{{ ensured('trust_config_store',
           'openssl verify -no-CApath -CAfile /etc/ssl/certs/ca-certificates.crt'
           ~ ' /usr/local/share/ca-certificates/region.crt',
           'update-ca-certificates', requires=[{'file': 'trust_config_authority'}]) }}
