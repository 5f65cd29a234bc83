{%- from 'lib/health.jinja' import answers with context %}
{{ answers('vendor_health_suites',
           '/usr/local/sbin/vendor-suites check ' ~ pillar.vendor.suites | join(' '), 5) }}
