{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/machine.jinja' import machine with context %}
{%- from 'lib/service.jinja' import running with context %}
{%- from 'libvirt/tls.jinja' import certificates, keys with context %}
include:
  - .config
  - .tls
{%- if machine.apparmor %}

# Loads the profiles of libvirt and of what confines its instances, before libvirt starts.
libvirt_service_profiles:
  service.running:
    - name: apparmor
    - enable: True
    - unmask: True
    - require:
      - pkg: libvirt_package_installed
    - require_in:
      - service: libvirt_service_sockets
{%- endif %}

# nova brings its instances up again after a boot; two that do it get in each other's way.
libvirt_service_guests:
  service.masked:
    - name: libvirt-guests
    - require:
      - pkg: libvirt_package_installed

libvirt_service_sockets:
  service.running:
    - names: [virtlockd.socket, virtlogd.socket, libvirtd.socket, libvirtd-ro.socket]
    - enable: True
    - unmask: True
    - require:
      - file: libvirt_config_daemon
      - file: libvirt_config_qemu
      - unit: libvirt_config_units_loaded

# By TLS, for other hypervisors. systemd adds no socket to a service that runs, so it stops for a moment,
# with what would start it again; instances go on.
{{ ensured('libvirt_service_tls',
           'systemctl -q is-enabled libvirtd-tls.socket && systemctl -q is-active libvirtd-tls.socket',
           'systemctl -q unmask libvirtd-tls.socket; systemctl -q enable libvirtd-tls.socket; '
           ~ 'systemctl stop libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd.service; '
           ~ 'systemctl start libvirtd-tls.socket libvirtd.socket libvirtd-ro.socket',
           requires=[{'service': 'libvirt_service_sockets'}, {'file': 'libvirt_tls_certificate'}, {'file': 'libvirt_tls_key'}]) }}

{{ running('libvirt_service', 'libvirtd',
           ['/etc/libvirt/libvirtd.conf', '/etc/libvirt/qemu.conf', '/etc/pki/CA/cacert.pem',
            '/var/lib/dpkg/info/libvirt-daemon.list'] + certificates | list + keys | list,
           requires=[{'command': 'libvirt_service_tls'}]) }}

# What holds the consoles and locks of instances goes on through an upgrade, and is no service that could
# be restarted: it executes itself anew, with what it holds, so that it does not run on code that is gone.
{%- set fresh = 'for unit in virtlogd virtlockd; do main=$(systemctl show -P MainPID $unit); '
     ~ '[[ $main == 0 ]] || ! grep -q "r-xp.* (deleted)$" /proc/$main/maps || exit 1; done' %}
{{ ensured('libvirt_service_helpers', fresh,
           'for unit in virtlogd virtlockd; do ! systemctl -q is-active $unit || systemctl reload $unit; done; '
           ~ 'for try in {1..50}; do if ( ' ~ fresh ~ ' ); then break; fi; sleep 0.2; done',
           requires=[{'unit': 'libvirt_service_current'}]) }}
