"""Runs on the Salt master, over the management network: asks identity for a token.

on_master.py URL good|bad|untrusted: prints the HTTP status, or the reason that there is none.
The admin password is read where it lives and never printed; the token is not printed either.
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
    authority = None if how == "untrusted" else "/srv/environment/ca/ca.crt"
    trust = ssl.create_default_context(cafile=authority)
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
