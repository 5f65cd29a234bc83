{%- from 'lib/package.jinja' import installed with context %}
{{ installed('neutron_gateway') }}
