"""Runs on the Salt master: on_master_get.py URL [ADDRESS AUTHORITY] prints the HTTP status.

TLS is verified: by the region's authority, or, if AUTHORITY is `outside`, by those that the system
trusts. With ADDRESS that is asked, whatever DNS says of the URL's host.
"""

import socket
import ssl
import sys
import urllib.parse
import urllib.request

TIMEOUT = 20  # seconds
url, address, authority = [*sys.argv[1:], "", "region"][:3]
host = urllib.parse.urlsplit(url).hostname
resolve = socket.getaddrinfo


def resolve_host(name, *more, **named):
    return resolve(address if address and name == host else name, *more, **named)


socket.getaddrinfo = resolve_host
own = None if authority == "outside" else "/srv/environment/ca/ca.crt"
trust = ssl.create_default_context(cafile=own)
with urllib.request.urlopen(url, timeout=TIMEOUT, context=trust) as answer:
    print(answer.status)
