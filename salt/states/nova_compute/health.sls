{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/region.jinja' import here with context %}
{%- set reach = "rsync -e '/usr/local/sbin/nova-compute-peers to /etc/nova/peers " ~ pillar.endpoints.moves.files_port ~ "'" %}
{{ answers('nova_compute_health_reached',
           'runuser -u nova -- timeout 10 ' ~ reach ~ ' --list-only ' ~ here ~ ':/var/lib/nova/instances/', 30) }}

{{ answers('nova_compute_health_alive',
           '/usr/local/sbin/nova-compute-alive /etc/nova/nova.conf service_user compute '
           ~ pillar.environment.node ~ ' nova-compute=nova-compute', 120) }}
