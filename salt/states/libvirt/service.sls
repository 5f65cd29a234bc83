{%- from 'lib/service.jinja' import running with context %}
include:
  - .config

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
