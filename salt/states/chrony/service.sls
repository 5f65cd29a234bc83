{%- from 'lib/machine.jinja' import machine with context %}
{%- from 'lib/service.jinja' import running with context %}
{%- set files = ['/etc/chrony/chrony.conf', '/var/lib/dpkg/info/chrony.list'] %}
{%- set requires = [{'file': 'chrony_config_file'}] %}
{%- if machine.container %}
{%- do files.append('/etc/systemd/system/chrony.service.d/region.conf') %}
{%- do requires.append({'unit': 'chrony_config_units_loaded'}) %}
{%- endif %}
include:
  - .config

{{ running('chrony_service', 'chrony', files, requires=requires) }}
