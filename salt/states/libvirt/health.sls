{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/machine.jinja' import machine with context %}
{{ answers('libvirt_health_answers', 'timeout 10 virsh -c qemu:///system list', 30) }}
{%- if machine.apparmor %}

# Without its own profile, libvirt would run every instance unconfined and not say so.
{{ answers('libvirt_health_confines',
           "timeout 10 virsh -c qemu:///system capabilities | grep -qF '<model>apparmor</model>'", 30) }}
{%- endif %}
