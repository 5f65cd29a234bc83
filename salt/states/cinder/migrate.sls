# The database's schema of this version: once, on one node, before services of this version start.
{%- from 'lib/command.jinja' import ensured with context %}
include:
  - .config

{{ ensured('cinder_migrate_schema',
           '/usr/local/sbin/cinder-schema /etc/cinder/cinder.conf database'
           ~ ' /usr/lib/python3/dist-packages/cinder/db/migrations/versions',
           'cinder-manage db sync', runas='cinder', timeout=600, parallel=True,
           requires=[{'file': 'cinder_config_file'}, {'file': 'cinder_config_tools'}]) }}
