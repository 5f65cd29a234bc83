"""The part of a gate.yml that says how the review server is reached."""

GERRIT = """\
gerrit:
  url: https://review.example.org/
  ssh: review.example.org:29418
  account: gate
  password: secret/password
  key: secret/key
  host_keys: secret/hosts
"""
