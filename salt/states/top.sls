# A highstate on any node equals what the stages of a deployment did to it.
{{ saltenv }}:
  '*': {{ pillar.get('components', []) | json }}
