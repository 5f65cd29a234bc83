# Databases of the control plane: the orchestration names the components whose first node this is.
# Each goes its own way beside the others.
include: {{ (pillar.migrate | default({})).get(pillar.environment.node, [])
            | map('regex_replace', '$', '.migrate') | list | json }}
