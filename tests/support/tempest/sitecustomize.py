"""Names of a region as its outsiders know them: TEMPEST_HOSTS, words NAME=ADDRESS.

Python loads this by itself where this folder is on its path (tests/support/tempestrun.py).
"""

import os
import socket

KNOWN = dict(word.split("=", 1) for word in os.environ.get("TEMPEST_HOSTS", "").split())
resolve = socket.getaddrinfo


def known_first(host, *more, **named):
    return resolve(KNOWN.get(host, host), *more, **named)


socket.getaddrinfo = known_first
