{%- from 'lib/clean.jinja' import cleaned with context %}
{{ cleaned('libvirt', ['libvirtd-tls.socket', 'libvirtd.socket', 'libvirtd-ro.socket',
                       'libvirtd-admin.socket', 'libvirtd',
                       'virtlogd.socket', 'virtlogd', 'virtlockd.socket', 'virtlockd'],
           pillar.libvirt.packages, user='libvirt-qemu',
           files=['/etc/libvirt', '/etc/systemd/system/libvirtd.socket.d',
                  '/etc/systemd/system/libvirtd-tls.socket.d',
                  '/etc/pki/CA', '/etc/pki/libvirt', '/etc/pki/qemu', '/var/log/libvirt',
                  '/var/cache/libvirt', '/run/libvirt',
                  '/etc/systemd/system/libvirt-guests.service',
                  '/etc/apparmor.d/local/abstractions'],
           data=['/var/lib/libvirt']) }}
