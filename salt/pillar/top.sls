# By minion id only. What a minion gets beyond this follows from its own record (`components`,
# `settings`). Where two say the same, the last counts.
{{ saltenv }}:
  '*': [endpoints, role_map, components, settings]
