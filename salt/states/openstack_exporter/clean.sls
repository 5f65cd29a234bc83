{%- from 'lib/clean.jinja' import cleaned with context %}
{{ cleaned('openstack_exporter', 'openstack-exporter', pillar.openstack_exporter.packages,
           files=['/etc/openstack-exporter.conf', '/usr/local/lib/openstack-exporter',
                  '/etc/systemd/system/openstack-exporter.service']) }}
