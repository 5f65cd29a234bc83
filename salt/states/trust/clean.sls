# The package stays: other programs of the node need the public authorities.
{%- from 'lib/command.jinja' import ensured with context %}
trust_clean_files:
  file.absent:
    - names: [/usr/local/share/ca-certificates/region.crt, /usr/local/lib/region]

{{ ensured('trust_clean_store', '[[ ! -L /etc/ssl/certs/region.pem ]]',
           'update-ca-certificates --fresh', requires=[{'file': 'trust_clean_files'}]) }}
