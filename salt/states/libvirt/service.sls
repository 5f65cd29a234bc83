{%- from 'lib/machine.jinja' import machine with context %}
{%- from 'lib/service.jinja' import running with context %}
include:
  - .config
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

{{ running('libvirt_service', 'libvirtd',
           ['/etc/libvirt/libvirtd.conf', '/etc/libvirt/qemu.conf',
            '/var/lib/dpkg/info/libvirt-daemon.list'],
           requires=[{'service': 'libvirt_service_sockets'}]) }}
