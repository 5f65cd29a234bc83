{%- from 'lib/clean.jinja' import cleaned with context %}
{{ cleaned('chrony', 'chrony', pillar.chrony.packages, user='_chrony',
           files=['/etc/chrony', '/etc/systemd/system/chrony.service.d', '/var/lib/chrony',
                  '/var/log/chrony', '/run/chrony']) }}
