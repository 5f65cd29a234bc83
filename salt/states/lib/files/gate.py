#!/usr/bin/python3
"""Wait until somebody consumes each of the message queues: gate CONFIG SECONDS QUEUE...

An agent that calls a server which is not there yet loses the call and waits a minute before the
next, so it starts when its servers listen. CONFIG names the brokers ([DEFAULT] transport_url).
Ends with 0, or after SECONDS with 1 and the names of the queues that nobody serves.
"""

import configparser
import sys
import time
import urllib.parse

import amqp

PAUSE = 0.5  # seconds between two looks
TIMEOUT = 3  # seconds for the broker to answer


def brokers(config_file):
    """(host:port, user, password, virtual host, TLS) of each broker of an oslo.messaging URL.

    TLS is what amqp takes: whose certificates are believed; False for none.
    """
    config = configparser.RawConfigParser(strict=False)
    config.read(config_file)
    own = config["oslo_messaging_rabbit"] if config.has_section("oslo_messaging_rabbit") else {}
    tls = {"ca_certs": own["ssl_ca_file"]} if own.get("ssl") == "true" else False
    where = urllib.parse.urlsplit(config["DEFAULT"]["transport_url"])
    for one in where.netloc.split(","):
        account, _, address = one.rpartition("@")
        user, _, password = account.partition(":")
        trust = tls and {**tls, "server_hostname": address.rpartition(":")[0]}
        yield address, user, urllib.parse.unquote(password), where.path[1:] or "/", trust


def unserved(broker, queues):
    """Which of `queues` have no consumer. Raises OSError or AMQPError where the broker is away."""
    address, user, password, virtual_host, tls = broker
    missing = []
    with amqp.Connection(
        host=address,
        userid=user,
        password=password,
        virtual_host=virtual_host,
        ssl=tls,
        connect_timeout=TIMEOUT,
        read_timeout=TIMEOUT,
        write_timeout=TIMEOUT,
    ) as connection:
        for queue in queues:
            channel = connection.channel()
            try:
                if not channel.queue_declare(queue, passive=True).consumer_count:
                    missing.append(queue)
                channel.close()
            except amqp.exceptions.NotFound:
                missing.append(queue)
    return missing


def main():
    config_file, seconds, *queues = sys.argv[1:]
    end = time.monotonic() + float(seconds)
    reason = "no broker is named"
    while True:
        for broker in brokers(config_file):
            try:
                missing = unserved(broker, queues)
            except (OSError, amqp.exceptions.AMQPError) as error:
                reason = f"{broker[0]}: {type(error).__name__}: {error}"
                continue
            if not missing:
                return
            reason = f"{broker[0]}: nobody serves {', '.join(missing)}"
        if time.monotonic() > end:
            sys.exit(f"waited {seconds} s in vain: {reason}")
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
