{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/monitoring.jinja' import arguments with context %}
{%- from 'lib/region.jinja' import here with context %}
include:
  - .package

# By the socket that only lets look. Its package puts the account of all exporters into libvirt's group,
# where one may do anything, and starts it so. (An account that systemd makes as it starts will not
# do: libvirt wants to know its name.)
{{ arguments('libvirt_exporter', 'prometheus-libvirt-exporter',
             ['--web.listen-address=' ~ here ~ ':' ~ pillar.endpoints.metrics.libvirt.port,
              '--libvirt.uri=qemu:///system?socket=/run/libvirt/libvirt-sock-ro']) }}

{{ ensured('libvirt_exporter_config_group', '! id -nG prometheus | grep -qw libvirt',
           'gpasswd -d prometheus libvirt && systemctl try-restart prometheus-libvirt-exporter',
           requires=[{'pkg': 'libvirt_exporter_package_installed'}]) }}
