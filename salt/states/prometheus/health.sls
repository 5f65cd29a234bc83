{%- from 'lib/health.jinja' import answers with context %}
{%- from 'lib/monitoring.jinja' import web_answers with context %}
{{ answers('prometheus_health_answers', web_answers(pillar.endpoints.monitoring.port, '/-/ready'), 60,
           env_pillar={'WEB_PASSWORD': 'secrets:monitoring_password'}) }}
