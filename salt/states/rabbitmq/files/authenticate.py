#!/usr/bin/python3
"""Log in to a message broker as every service does: rabbitmq-authenticate HOST:PORT SECONDS [AUTHORITY]

By TLS where AUTHORITY is given, a file of the certificates that are believed. Waits at most SECONDS for
a broker that has just started. Passwords are read from environment variables ACCOUNT_NAME. Ends with
0 when each is let into the virtual host of its name, else with 1 and the reason.
"""

import os
import sys
import time

import amqp

PAUSE = 0.3  # seconds between two looks
TIMEOUT = 5  # seconds for the broker to answer
PREFIX = "ACCOUNT_"


def login(address, authority, account, password):
    """Raises AccessRefused for a wrong account, OSError or AMQPError where no broker answers."""
    host = address.rpartition(":")[0]
    with amqp.Connection(
        host=address,
        userid=account,
        password=password,
        virtual_host=account,
        ssl={"ca_certs": authority, "server_hostname": host} if authority else False,
        connect_timeout=TIMEOUT,
        read_timeout=TIMEOUT,
        write_timeout=TIMEOUT,
    ):
        pass


def main():
    address, seconds, *authority = sys.argv[1:]
    until = time.monotonic() + float(seconds)
    accounts = [name for name in sorted(os.environ) if name.startswith(PREFIX)]
    while accounts:
        account = accounts[0].removeprefix(PREFIX)
        try:
            login(address, (authority or [""])[0], account, os.environ[accounts[0]])
            accounts.pop(0)
            continue
        except (amqp.exceptions.AccessRefused, amqp.exceptions.NotAllowed) as error:
            sys.exit(f"{address}: {account} is refused: {type(error).__name__}")
        except (OSError, amqp.exceptions.AMQPError) as error:
            if time.monotonic() > until:
                sys.exit(f"{address}: no broker answers: {error}")
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
