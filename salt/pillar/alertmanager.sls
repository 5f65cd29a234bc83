# Whom alerts are told: each URL of `webhooks` (Alertmanager's JSON, posted), and `mail` where it
# says to whom. With neither they are kept, for who asks.
alertmanager:
  packages: [prometheus-alertmanager, python3-bcrypt]
  webhooks: []
  mail: {to: '', from: '', server: ''}  # server: HOST:PORT that relays without an account
  repeat: 12h  # an alert that still fires is told again
