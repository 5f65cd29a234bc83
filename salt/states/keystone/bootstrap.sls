# The admin account, its password and the identity endpoints: only where they are not as wanted.
{%- from 'lib/command.jinja' import ensured with context %}
{%- from 'lib/region.jinja' import backend_url, public_url, service_url with context %}
{%- set public = public_url('identity') %}
{%- set inside = service_url('identity') %}
include:
  - .service

{{ ensured('keystone_bootstrap_admin',
           '/usr/local/sbin/keystone-authenticate ' ~ backend_url('identity') ~ ' ' ~ public ~ ' ' ~ inside,
           'keystone-manage bootstrap --bootstrap-region-id ' ~ pillar.region
           ~ ' --bootstrap-public-url ' ~ public ~ ' --bootstrap-internal-url ' ~ inside
           ~ ' --bootstrap-admin-url ' ~ inside,
           runas='keystone', timeout=120,
           env_pillar={'OS_BOOTSTRAP_PASSWORD': 'secrets:keystone_admin',
                       'KEYSTONE_PASSWORD': 'secrets:keystone_admin'},
           requires=[{'unit': 'keystone_service_current'}, {'file': 'keystone_config_tools'}]) }}
