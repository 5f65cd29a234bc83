{%- from 'lib/health.jinja' import answers with context %}
{{ answers('cinder_volume_health_alive',
           '/usr/local/sbin/cinder-volume-alive /etc/cinder/cinder.conf service_user volumev3 '
           ~ pillar.environment.node ~ ' cinder-volume=cinder-volume', 120) }}
