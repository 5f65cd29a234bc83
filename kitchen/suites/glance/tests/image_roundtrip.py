"""Runs on the node: keeps an image, fetches it again, deletes it. image_roundtrip.py ADDRESS."""

import json
import os
import sys
import urllib.request

TIMEOUT = 60  # seconds
BYTES = os.urandom(100_000)


def call(method, url, body=None, token=None, kind="application/json"):
    headers = {"Content-Type": kind} | ({"X-Auth-Token": token} if token else {})
    request = urllib.request.Request(url, body, headers, method=method)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        return answer.headers, answer.read()


def main():
    front = f"https://{sys.argv[1]}"
    domain = {"name": "Default"}
    user = {"name": "admin", "domain": domain, "password": os.environ["KEYSTONE_PASSWORD"]}
    wanted = {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": {"name": "admin", "domain": domain}},
    }
    headers, _ = call("POST", f"{front}:5000/v3/auth/tokens", json.dumps({"auth": wanted}).encode())
    token = headers["X-Subject-Token"]
    images = f"{front}:9292/v2/images"
    about = {"name": "kitchen", "disk_format": "raw", "container_format": "bare"}
    _, made = call("POST", images, json.dumps(about).encode(), token)
    image = f"{images}/{json.loads(made)['id']}"
    try:
        call("PUT", f"{image}/file", BYTES, token, "application/octet-stream")
        _, fetched = call("GET", f"{image}/file", None, token)
        print("same" if fetched == BYTES else "different")
    finally:
        call("DELETE", image, None, token)


main()
