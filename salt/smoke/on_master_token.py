"""Runs on the Salt master, over the management network: asks identity for a token.

on_master_token.py URL good|bad|untrusted: prints the HTTP status, or the reason that there is none.
`untrusted` knows the public authorities only. The admin password is read where it lives and never
printed; the token is not printed either.
"""

import json
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

TIMEOUT = 20  # seconds


def main():
    url, how = sys.argv[1:]
    password = json.loads(Path("/srv/environment/secrets.json").read_text())["keystone_admin"]
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if how == "untrusted":
        for authority in Path("/usr/share/ca-certificates/mozilla").glob("*.crt"):
            trust.load_verify_locations(authority)
    else:
        trust.load_verify_locations("/srv/environment/ca/ca.crt")
    domain = {"name": "Default"}
    user = {"name": "admin", "domain": domain, "password": password + "x" * (how == "bad")}
    identity = {"methods": ["password"], "password": {"user": user}}
    scope = {"project": {"name": "admin", "domain": domain}}
    request = urllib.request.Request(
        url + "/auth/tokens",
        json.dumps({"auth": {"identity": identity, "scope": scope}}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT, context=trust) as answer:
            print(answer.status, "token" if answer.headers["X-Subject-Token"] else "no token")
    except urllib.error.HTTPError as error:
        print(error.code, error.reason)
    except urllib.error.URLError as error:
        print("none", error.reason)


main()
