{%- from 'lib/region.jinja' import addresses with context %}
{%- from 'lib/service.jinja' import running, started with context %}
include:
  - .config
  - .peers
{%- if addresses('volume') | load_json %}
  - .kernel

# By this daemon instances reach their volumes. It came with nova-compute, and elsewhere never runs.
{{ running('nova_compute_service_volumes', 'iscsid', ['/etc/iscsi/iscsid.conf'],
           requires=[{'kernel': 'nova_compute_kernel_capable'}, {'pkg': 'nova_compute_package_installed'}]) }}
{%- endif %}

{%- set own = ['authority.crt', 'hypervisor.certificate', 'hypervisor.key'] %}
{{ running('nova_compute_service_peers', 'nova-compute-peers',
           ['/etc/systemd/system/nova-compute-peers.service', '/usr/local/sbin/nova-compute-peers']
           + own | map('regex_replace', '^', '/etc/nova/peers/') | list,
           requires=[{'file': 'nova_compute_peers_certificate'}, {'file': 'nova_compute_peers_key'},
                     {'file': 'nova_compute_config_tools'},
                     {'unit': 'nova_compute_config_peers_loaded'}]) }}

{{ started('nova_compute_service_agent', 'nova-compute',
           ['/etc/nova/nova.conf', '/etc/nova/nova-compute.conf',
            '/etc/systemd/system/nova-compute.service.d/region.conf',
            '/etc/default/nova-compute', '/var/lib/dpkg/info/python3-nova.list'],
           requires=[{'file': 'nova_compute_config_file'}, {'file': 'nova_compute_config_log'},
                     {'file': 'nova_compute_config_hypervisor'},
                     {'file': 'nova_compute_config_tools'},
                     {'unit': 'nova_compute_config_units_loaded'}]) }}
