# Sessions are the cache's to keep.
{%- from 'lib/clean.jinja' import cleaned with context %}
{%- from 'lib/command.jinja' import ensured with context %}
{{ cleaned('horizon', 'horizon', pillar.horizon.packages, user='horizon',
           files=['/etc/systemd/system/horizon.service', '/etc/openstack-dashboard',
                  '/usr/share/openstack-dashboard', '/usr/share/openstack-dashboard-debian-settings.d',
                  '/usr/lib/python3/dist-packages/openstack_dashboard', '/var/lib/horizon',
                  '/var/lib/openstack-dashboard']) }}

{{ ensured('horizon_clean_unit', '[[ $(systemctl show horizon.service -P LoadState) == not-found ]]',
           'systemctl daemon-reload', requires=[{'file': 'horizon_clean_files'}]) }}
