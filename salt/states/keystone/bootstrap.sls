# The admin account, its password and the identity endpoints: only where they are not as wanted.
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/region.jinja' import backend_url, public_url with context %}
{%- set public = public_url('identity') %}
include:
  - .service

{{ ensured('keystone_bootstrap_admin',
           '/usr/local/sbin/keystone-authenticate ' ~ backend_url('identity') ~ ' ' ~ public,
           'keystone-manage bootstrap --bootstrap-region-id ' ~ pillar.region
           ~ ' --bootstrap-public-url ' ~ public ~ ' --bootstrap-internal-url ' ~ public
           ~ ' --bootstrap-admin-url ' ~ public,
           runas='keystone', timeout=120,
           env_pillar={'OS_BOOTSTRAP_PASSWORD': 'secrets:keystone_admin',
                       'KEYSTONE_PASSWORD': 'secrets:keystone_admin'},
           requires=[{'unit': 'keystone_service_current'}, {'file': 'keystone_config_tools'}]) }}
