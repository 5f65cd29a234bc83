{%- from 'lib/package.jinja' import installed with context %}
{{ installed('mysqld_exporter') }}
