# The tunables of this minion's components.
include: {{ pillar.get('components', []) | json }}
