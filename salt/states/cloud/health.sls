# The tool is whole: it loads, with all that it takes from elsewhere.
{%- from 'lib/health.jinja' import answers with context %}
{{ answers('cloud_health_loads',
           "cd /usr/local/lib/cloud && /usr/bin/python3 -B -c 'import things'", 10) }}
