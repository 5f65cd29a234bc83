{%- from 'lib/config.jinja' import printing, rendered, tools, unit_settings with context %}
{%- from 'lib/region.jinja' import here with context %}
{%- from 'lib/service.jinja' import loaded with context %}
{%- set portal = here ~ ':' ~ pillar.endpoints.volume_target.port %}
include:
  - .package

{{ rendered('cinder_volume_config_file', '/etc/cinder/cinder.conf', 'cinder/files/cinder.conf.jinja',
            group='cinder', secret=True,
            needed=['DEFAULT.transport_url', 'database.connection', 'lvm.volume_group']) }}

{{ rendered('cinder_volume_config_unit', '/etc/systemd/system/cinder-volume-group.service',
            'cinder_volume/files/cinder-volume-group.service.jinja') }}

{{ printing('cinder_volume', ['cinder-volume']) }}

{{ tools('cinder_volume', {'alive': 'lib/files/alive.py', 'group': 'cinder_volume/files/group.py',
                           'config-check': 'lib/files/config_check.py'}) }}

{{ loaded('cinder_volume_config_unit_loaded', ['cinder-volume-group'],
          requires=[{'file': 'cinder_volume_config_unit'}]) }}

# Without a portal it listens on every address.
{{ unit_settings('cinder_volume', {
     'tgt.service': ['ExecStart=', 'ExecStart=/usr/sbin/tgtd -f --iscsi portal=' ~ portal]}) }}
