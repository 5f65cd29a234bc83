# Where the region has volumes, its instances reach them by iSCSI: asked before anything is brought to
# the node (stage.prepare).
{%- from 'lib/kernel.jinja' import capable with context %}
{%- from 'lib/region.jinja' import addresses with context %}
{%- if addresses('volume') | load_json %}
{{ capable('nova_compute_kernel_capable', 'volumes', pillar.nova_compute.kernel) }}
{%- endif %}
