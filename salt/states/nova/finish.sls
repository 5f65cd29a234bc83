# Rows that are as an older version wrote them, when every service is of this one: once per version.
{%- from 'lib/command.jinja' import ensured with context %}
{{ ensured('nova_finish_rows', '[[ /var/lib/nova/finished -nt /var/lib/dpkg/info/python3-nova.list ]]',
           'nova-manage db online_data_migrations; touch /var/lib/nova/finished',
           runas='nova', timeout=3600, parallel=True) }}
