#!/usr/bin/python3
"""Log in to a message broker as the region's account: rabbitmq-authenticate HOST:PORT SECONDS

Waits at most SECONDS for a broker that has just started. The password is read from the environment
variable MESSAGING_PASSWORD. Ends with 0 when it is accepted, else with 1 and the reason.
"""

import os
import sys
import time

import amqp

PAUSE = 0.3  # seconds between two looks
TIMEOUT = 5  # seconds for the broker to answer


def login(address, password):
    """Raises AccessRefused for a wrong account, OSError or AMQPError where no broker answers."""
    with amqp.Connection(
        host=address,
        userid="openstack",
        password=password,
        connect_timeout=TIMEOUT,
        read_timeout=TIMEOUT,
        write_timeout=TIMEOUT,
    ):
        pass


def main():
    address, seconds = sys.argv[1:]
    until = time.monotonic() + float(seconds)
    while True:
        try:
            return login(address, os.environ["MESSAGING_PASSWORD"])
        except (amqp.exceptions.AccessRefused, amqp.exceptions.NotAllowed) as error:
            sys.exit(f"{address}: the account is refused: {type(error).__name__}")
        except (OSError, amqp.exceptions.AMQPError) as error:
            if time.monotonic() > until:
                sys.exit(f"{address}: no broker answers: {error}")
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
