rabbitmq:
  packages: [rabbitmq-server, python3-amqp]
  memory: 1GB  # more than this holds publishers back
  schedulers: 1  # threads that Erlang computes with
