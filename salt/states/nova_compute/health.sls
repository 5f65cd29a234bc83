{%- from 'lib/health.jinja' import answers with context %}
{{ answers('nova_compute_health_alive',
           '/usr/local/sbin/nova-compute-alive /etc/nova/nova.conf service_user compute '
           ~ pillar.environment.node ~ ' nova-compute=nova-compute', 120) }}
