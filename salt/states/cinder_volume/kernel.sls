# Asked before anything is brought to the node (stage.prepare), and before its volume group is made.
{%- from 'lib/kernel.jinja' import capable with context %}
{%- set own = pillar.cinder_volume %}
{%- set needed = dict(own.kernel, **({} if own.disks.get(pillar.environment.node) else own.file_kernel)) %}
{{ capable('cinder_volume_kernel_capable', 'volumes', needed) }}
