{%- from 'lib/health.jinja' import answers with context %}
{{ answers('libvirt_health_answers', 'timeout 10 virsh -c qemu:///system list', 30) }}
