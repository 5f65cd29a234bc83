# Resources of a stack that talk back act as users of a domain of their own, with no rights but that.
{%- from 'lib/command.jinja' import ensured with context %}
include:
  - .config

{{ ensured('heat_domain_made', '/usr/local/sbin/heat-domain check /etc/heat/heat.conf',
           '/usr/local/sbin/heat-domain apply /etc/heat/heat.conf', timeout=180,
           requires=[{'file': 'heat_config_file'}, {'file': 'heat_config_tools'}]) }}
