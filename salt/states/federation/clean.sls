{%- from 'lib/clean.jinja' import cleaned with context %}
{{ cleaned('federation', 'apache2', pillar.federation.packages,
           files=['/etc/apache2', '/var/log/apache2', '/var/cache/apache2', '/var/lib/apache2',
                  '/var/www', '/run/apache2']) }}
