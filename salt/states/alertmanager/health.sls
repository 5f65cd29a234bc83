{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/monitoring.jinja' import web_answers with context %}
{{ answers('alertmanager_health_answers', web_answers(pillar.endpoints.monitoring.alerts_port, '/-/ready'),
           30, env_pillar={'WEB_PASSWORD': 'secrets:monitoring_password'}) }}
