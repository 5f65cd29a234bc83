# Volumes are data: their group stays until purge_data asks for it, and then ends with them.
{%- from 'lib/clean.jinja' import cleaned with context %}
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'cinder_volume/where.jinja' import where with context %}
{%- set shared = 'cinder' in pillar.components | difference(pillar.get('gone', [])) %}
{%- set tool = '/usr/local/sbin/cinder-volume-group' %}
{%- if pillar.get('purge_data') %}
{{ ensured('cinder_volume_clean_group', '[[ ! -e ' ~ tool ~ ' ]]', tool ~ ' remove ' ~ where(),
           timeout=300, requires=[{'service': 'cinder_volume_clean_service'}],
           before=[{'cmd': 'cinder_volume_clean_package'}]) }}

{% endif -%}
{{ cleaned('cinder_volume',
           ['cinder-volume', 'tgt', 'cinder-volume-group', 'dm-event.socket', 'dm-event',
            'lvm2-monitor', 'lvm2-lvmpolld.socket', 'lvm2-lvmpolld'],
           pillar.cinder_volume.packages, user=None if shared else 'cinder',
           files=['/etc/systemd/system/cinder-volume-group.service',
                  '/etc/systemd/system/tgt.service.d', '/etc/default/cinder-volume', '/etc/tgt', '/run/tgtd', '/run/lvm',
                  '/usr/local/sbin/cinder-volume-alive', '/usr/local/sbin/cinder-volume-config-check',
                  tool]
                 + ([] if shared else ['/etc/cinder', '/var/log/cinder', '/var/cache/cinder',
                                       '/run/cinder', '/run/cryptsetup']),
           data=['/var/lib/cinder/volumes', pillar.cinder_volume.file.path] if shared
                else ['/var/lib/cinder', pillar.cinder_volume.file.path]) }}

{{ ensured('cinder_volume_clean_unit',
           '[[ $(systemctl show cinder-volume-group.service -P LoadState) == not-found ]]',
           'systemctl daemon-reload', requires=[{'file': 'cinder_volume_clean_files'}]) }}
