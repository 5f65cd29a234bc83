{%- from 'lib/clean.jinja' import cleaned with context %}
{{ cleaned('libvirt_exporter', 'prometheus-libvirt-exporter', pillar.libvirt_exporter.packages,
           files=['/etc/default/prometheus-libvirt-exporter',
                  '/etc/systemd/system/prometheus-libvirt-exporter.service.d']) }}
