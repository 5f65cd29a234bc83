{%- from 'lib/config.jinja' import printing, rendered, tools, unit_settings with context %}
include:
  - .package

{{ rendered('nova_compute_config_file', '/etc/nova/nova.conf', 'nova/files/nova.conf.jinja',
            group='nova', secret=True, needed=['DEFAULT.transport_url', 'service_user.password']) }}

{{ rendered('nova_compute_config_hypervisor', '/etc/nova/nova-compute.conf',
            'nova_compute/files/nova-compute.conf.jinja') }}

{{ printing('nova_compute', ['nova-compute']) }}

{{ tools('nova_compute', {'alive': 'lib/files/alive.py', 'gate': 'lib/files/gate.py',
                          'config-check': 'lib/files/config_check.py'}) }}

{{ unit_settings('nova_compute', {
     'nova-compute.service': [
       'TimeoutStartSec=300',
       'ExecStartPre=/usr/local/sbin/nova-compute-gate /etc/nova/nova.conf 280 conductor q-plugin',
       'Restart=always', 'RestartSec=3']}) }}
