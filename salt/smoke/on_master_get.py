"""Runs on the Salt master: on_master_get.py URL prints the HTTP status; TLS is verified."""

import ssl
import sys
import urllib.request

TIMEOUT = 20  # seconds
trust = ssl.create_default_context(cafile="/srv/environment/ca/ca.crt")
with urllib.request.urlopen(sys.argv[1], timeout=TIMEOUT, context=trust) as answer:
    print(answer.status)
