{%- from 'lib/health.jinja' import answers, unit_answers with context %}
{%- from 'lib/region.jinja' import inside with context %}
{%- for service, unit, page in [('compute', 'nova-api', ''), ('metadata', 'nova-api-metadata', ''),
                                ('console', 'nova-novncproxy', 'vnc_lite.html')] %}
{{ unit_answers('nova_health_' ~ service, unit,
                'http://' ~ inside ~ ':' ~ pillar.services[service].backend_port ~ '/' ~ page, 90,
                files=['/etc/nova/nova.conf']) }}
{%- endfor %}

{{ answers('nova_health_alive',
           '/usr/local/sbin/nova-alive /etc/nova/nova.conf service_user compute '
           ~ pillar.environment.node
           ~ ' nova-conductor=nova-conductor nova-scheduler=nova-scheduler', 120) }}
