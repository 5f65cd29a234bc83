# The first node with the role `receiver` keeps what every node logs.
logging:
  packages: [rsyslog, rsyslog-gnutls, logrotate]
  receiver: database
  port: 6514
  queue: 256m  # on disk of each sender, while the receiver is away
  keep: 14  # days
