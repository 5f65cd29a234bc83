# Nodes with the role `server` ask `upstream`; all others ask them.
chrony:
  packages: [chrony]
  server: database
  upstream: [2.debian.pool.ntp.org]
