{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/monitoring.jinja' import arguments with context %}
{%- from 'lib/region.jinja' import here with context %}
include:
  - .package

# By the socket that only lets look, as an account of its own: in libvirt's group, where the package
# puts the one of all exporters, one may do anything.
{{ arguments('libvirt_exporter', 'prometheus-libvirt-exporter',
             ['--web.listen-address=' ~ here ~ ':' ~ pillar.endpoints.metrics.libvirt.port,
              '--libvirt.uri=qemu:///system?socket=/run/libvirt/libvirt-sock-ro'],
             service=['User=libvirt-exporter', 'DynamicUser=yes']) }}

{{ ensured('libvirt_exporter_config_group', '! id -nG prometheus | grep -qw libvirt',
           'gpasswd -d prometheus libvirt',
           requires=[{'pkg': 'libvirt_exporter_package_installed'}]) }}
