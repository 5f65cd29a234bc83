# By minion id only. What a minion gets beyond this follows from its own record (`components`).
{{ saltenv }}:
  '*': [endpoints, role_map, components]
