"""Runs on the Salt master: one volume's life through the load balancer.

on_master_volume.py IDENTITY_URL: prints JSON {"up": the services that are, by binary and host,
"down": those that are not, "became": the volume's status when it is a last one, "left": whether it
is there once deleted}.
"""

import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

TIMEOUT = 60  # seconds for a request, and for a volume to be made or gone
TRUST = ssl.create_default_context(cafile="/srv/environment/ca/ca.crt")


def call(method, url, token=None, body=None):
    """The answer's headers and document."""
    headers = {"Content-Type": "application/json", **({"X-Auth-Token": token} if token else {})}
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=TIMEOUT, context=TRUST) as answer:
        text = answer.read()
        return answer.headers, json.loads(text) if text else None


def login(url):
    """The admin's token, and the URL that the catalogue gives for volumes in its project."""
    password = json.loads(Path("/srv/environment/secrets.json").read_text())["keystone_admin"]
    domain = {"name": "Default"}
    user = {"name": "admin", "domain": domain, "password": password}
    identity = {"methods": ["password"], "password": {"user": user}}
    scope = {"project": {"name": "admin", "domain": domain}}
    body = {"auth": {"identity": identity, "scope": scope}}
    headers, document = call("POST", f"{url}/auth/tokens", body=body)
    catalogue = document["token"]["catalog"]
    (service,) = [entry for entry in catalogue if entry["type"] == "volumev3"]
    inside = [end["url"] for end in service["endpoints"] if end["interface"] == "internal"]
    return headers["X-Subject-Token"], inside[0]


def status(volume, token):
    """The volume's status; None if it is gone."""
    try:
        return call("GET", volume, token)[1]["volume"]["status"]
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return None


def after(volume, token, passing):
    """The volume's status when it is no longer one of `passing`, or when time is over."""
    end = time.monotonic() + TIMEOUT
    while (state := status(volume, token)) in passing and time.monotonic() < end:
        time.sleep(0.5)
    return state


def main():
    token, api = login(sys.argv[1])
    services = call("GET", f"{api}/os-services", token)[1]["services"]
    outcome = {
        state: sorted(
            [service["binary"], service["host"]]
            for service in services
            if service["state"] == state
        )
        for state in ("up", "down")
    }
    wanted = {"volume": {"name": "smoke", "size": 1}}
    made = call("POST", f"{api}/volumes", token, wanted)[1]["volume"]
    volume = f"{api}/volumes/{made['id']}"
    try:
        outcome["became"] = after(volume, token, {"creating"})
    finally:
        call("DELETE", volume, token)
    outcome["left"] = after(volume, token, {"available", "error", "deleting"}) is not None
    print(json.dumps(outcome))


main()
