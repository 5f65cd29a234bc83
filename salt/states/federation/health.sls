# keystone answers through it, on this node.
{%- from 'lib/health.jinja' import unit_answers with context %}
{%- from 'lib/region.jinja' import backend_url with context %}
{{ unit_answers('federation_health', 'apache2', backend_url('login'), 60,
                files=['/etc/apache2/sites-enabled/region.conf']) }}
