{%- from 'lib/config.jinja' import rendered, unit_settings with context %}
{%- from 'lib/region.jinja' import here with context %}
include:
  - .package

{{ rendered('libvirt_config_daemon', '/etc/libvirt/libvirtd.conf',
            'libvirt/files/libvirtd.conf.jinja') }}

{{ rendered('libvirt_config_qemu', '/etc/libvirt/qemu.conf', 'libvirt/files/qemu.conf.jinja') }}

{{ unit_settings('libvirt', {'libvirtd.socket': ['SocketMode=0660', 'SocketGroup=libvirt'],
                             'libvirtd-tls.socket': ['ListenStream=', 'FreeBind=true',
                                 'ListenStream=' ~ here ~ ':' ~ pillar.endpoints.moves.libvirt_port]},
                 section='Socket') }}
