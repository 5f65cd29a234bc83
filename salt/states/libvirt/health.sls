{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/machine.jinja' import machine with context %}
{%- from 'lib/region.jinja' import here with context %}
{{ answers('libvirt_health_answers', 'timeout 10 virsh -c qemu:///system list', 30) }}

# As another hypervisor reaches it: both sides show the certificate, and know each other by it.
{{ answers('libvirt_health_reached', 'timeout 10 virsh -c qemu+tls://' ~ here ~ '/system list', 30) }}
{%- if machine.apparmor %}

# Without its own profile, libvirt would run every instance unconfined and not say so.
{{ answers('libvirt_health_confines',
           "timeout 10 virsh -c qemu:///system capabilities | grep -qF '<model>apparmor</model>'", 30) }}
{%- endif %}
