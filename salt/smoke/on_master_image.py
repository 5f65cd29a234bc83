"""Runs on the Salt master: one image's life through the load balancer.

on_master_image.py IDENTITY_URL IMAGE_URL: prints JSON {"created": status, "status": after the
upload, "same": whether the bytes came back equal, "left": whether it is listed once deleted}.
"""

import json
import os
import ssl
import sys
import urllib.request
from pathlib import Path

TIMEOUT = 60  # seconds
SIZE = 3 << 20  # bytes
TRUST = ssl.create_default_context(cafile="/srv/environment/ca/ca.crt")


def call(method, url, token=None, body=None, kind="application/json"):
    """The answer's headers and bytes."""
    headers = {"Content-Type": kind, **({"X-Auth-Token": token} if token else {})}
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=TIMEOUT, context=TRUST) as answer:
        return answer.headers, answer.read()


def login(url):
    password = json.loads(Path("/srv/environment/secrets.json").read_text())["keystone_admin"]
    domain = {"name": "Default"}
    user = {"name": "admin", "domain": domain, "password": password}
    identity = {"methods": ["password"], "password": {"user": user}}
    scope = {"project": {"name": "admin", "domain": domain}}
    body = json.dumps({"auth": {"identity": identity, "scope": scope}}).encode()
    return call("POST", f"{url}/auth/tokens", body=body)[0]["X-Subject-Token"]


def main():
    identity, image = sys.argv[1:]
    token = login(identity)
    words = {"name": "smoke", "container_format": "bare", "disk_format": "raw"}
    data = call("POST", f"{image}/v2/images", token, json.dumps(words).encode())[1]
    made = json.loads(data)
    where = f"{image}/v2/images/{made['id']}"
    try:
        content = os.urandom(SIZE)
        call("PUT", f"{where}/file", token, content, "application/octet-stream")
        status = json.loads(call("GET", where, token)[1])["status"]
        same = call("GET", f"{where}/file", token)[1] == content
    finally:
        call("DELETE", where, token)
    listed = json.loads(call("GET", f"{image}/v2/images?name=smoke", token)[1])["images"]
    left = made["id"] in [entry["id"] for entry in listed]
    outcome = {"created": made["status"], "status": status, "same": same, "left": left}
    print(json.dumps(outcome))


main()
