# Its instances go with it only where purge_data asks for it.
{%- from 'lib/clean.jinja' import cleaned with context %}
{%- set shared = 'nova' in pillar.components | difference(pillar.get('gone', [])) %}
{{ cleaned('nova_compute', ['nova-compute', 'nova-compute-peers', 'iscsid', 'iscsid.socket'], pillar.nova_compute.packages,
           user=None if shared else 'nova',
           files=['/etc/systemd/system/nova-compute.service.d', '/etc/nova/nova-compute.conf',
                  '/etc/default/nova-compute',
                  '/usr/local/sbin/nova-compute-config-check',
                  '/usr/local/sbin/nova-compute-peers', '/etc/nova/peers',
                  '/etc/systemd/system/nova-compute-peers.service',
                  '/usr/local/sbin/nova-compute-alive', '/usr/local/sbin/nova-compute-gate']
                 + ([] if shared else ['/etc/nova', '/var/log/nova', '/var/cache/nova']),
           data=['/var/lib/nova/instances'] if shared else ['/var/lib/nova']) }}
