# Rows that are as an older version wrote them, when every service is of this one: once per version.
{%- from 'lib/command.jinja' import ensured with context %}
{{ ensured('cinder_finish_rows', '[[ /var/lib/cinder/finished -nt /var/lib/dpkg/info/python3-cinder.list ]]',
           'cinder-manage db online_data_migrations; touch /var/lib/cinder/finished',
           runas='cinder', timeout=3600, parallel=True) }}
