# What the environment's files set over the values of the other files here (docs/adr/058-settings.md):
# the last of them, so it counts.
{{ pillar.get('settings', {}) | json }}
