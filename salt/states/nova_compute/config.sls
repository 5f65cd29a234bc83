{%- from 'lib/config.jinja' import printing, rendered, tools, unit_settings with context %}
{%- from 'lib/service.jinja' import loaded with context %}
include:
  - .package

{{ rendered('nova_compute_config_file', '/etc/nova/nova.conf', 'nova/files/nova.conf.jinja',
            group='nova', secret=True, needed=['DEFAULT.transport_url', 'service_user.password']) }}

{{ rendered('nova_compute_config_hypervisor', '/etc/nova/nova-compute.conf',
            'nova_compute/files/nova-compute.conf.jinja') }}

{{ printing('nova_compute', ['nova-compute']) }}

{{ tools('nova_compute', {'alive': 'lib/files/alive.py', 'gate': 'lib/files/gate.py',
                          'config-check': 'lib/files/config_check.py',
                          'peers': 'nova_compute/files/peers.py'}) }}

{{ unit_settings('nova_compute', {
     'nova-compute.service': [
       'TimeoutStartSec=300',
       'ExecStartPre=/usr/local/sbin/nova-compute-gate /etc/nova/nova.conf 280 conductor',
       'ExecStartPre=+/usr/local/sbin/nova-compute-gate /etc/neutron/neutron.conf 280 q-plugin',
       'Environment="RSYNC_RSH=/usr/local/sbin/nova-compute-peers to /etc/nova/peers ' ~ pillar.endpoints.moves.files_port ~ '"',
       'Restart=always', 'RestartSec=3']}) }}

{{ rendered('nova_compute_config_peers', '/etc/systemd/system/nova-compute-peers.service',
            'nova_compute/files/nova-compute-peers.service.jinja') }}

{{ loaded('nova_compute_config_peers_loaded', ['nova-compute-peers'],
          requires=[{'file': 'nova_compute_config_peers'}]) }}
