# What no component of the node stands on, when all of them have what they do (stage.prepare): the
# kernel, SSH, the tools of people. Then the node has what the release brings.
{%- from 'lib/command.jinja' import ensured with context %}
{%- set words = [] %}
{%- for component in pillar.components %}
{%- do words.append(component ~ '=' ~ pillar[component].packages | join(',')) %}
{%- endfor %}
{{ ensured('stage_rest_upgraded', '[[ ! -e /var/lib/vendor/plan ]]',
           '/usr/local/sbin/vendor-plan rest ' ~ words | join(' '), timeout=5400) }}
