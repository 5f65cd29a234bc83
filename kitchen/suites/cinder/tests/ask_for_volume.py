"""Runs on the node: ask_for_volume.py ADDRESS asks for a volume where no node keeps any.

Prints JSON {"services": which are up, "asked": HTTP status, "became": the volume's status in the
end, "why": what its owner is told, "left": whether it is there once deleted}. The answer comes
from the scheduler, through the message queue and the database.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request

TIMEOUT = 60  # seconds


def call(method, url, body=None, token=None):
    """The answer's status, headers and document."""
    headers = {"Content-Type": "application/json"} | ({"X-Auth-Token": token} if token else {})
    headers["OpenStack-API-Version"] = "volume 3.50"
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        text = answer.read()
        return answer.status, answer.headers, json.loads(text) if text else None


def login(front):
    """A token, and the URL that the catalogue gives for volumes."""
    domain = {"name": "Default"}
    user = {"name": "admin", "domain": domain, "password": os.environ["KEYSTONE_PASSWORD"]}
    wanted = {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": {"name": "admin", "domain": domain}},
    }
    _, headers, document = call("POST", f"{front}:5000/v3/auth/tokens", {"auth": wanted})
    (url,) = {
        endpoint["url"]
        for service in document["token"]["catalog"]
        for endpoint in service["endpoints"]
        if service["type"] == "volumev3"
    }
    return headers["X-Subject-Token"], url


def settled(url, token):
    """The volume once its status is final, or when the time is over."""
    end = time.monotonic() + TIMEOUT
    while True:
        volume = call("GET", url, token=token)[2]["volume"]
        if volume["status"] not in ("creating", "deleting") or time.monotonic() > end:
            return volume
        time.sleep(0.5)


def is_deleted(url, token):
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        try:
            call("GET", url, token=token)
        except urllib.error.HTTPError as error:
            return error.code == 404
        time.sleep(0.5)
    return False


def main():
    token, api = login(f"https://{sys.argv[1]}")
    services = call("GET", f"{api}/os-services", token=token)[2]["services"]
    status, _, made = call("POST", f"{api}/volumes", {"volume": {"size": 1}}, token)
    volume = f"{api}/volumes/{made['volume']['id']}"
    became = settled(volume, token)["status"]
    messages = call("GET", f"{api}/messages", token=token)[2]["messages"]
    call("DELETE", volume, token=token)
    answer = {
        "services": sorted(service["binary"] for service in services if service["state"] == "up"),
        "asked": status,
        "became": became,
        "why": [message["user_message"] for message in messages],
        "left": not is_deleted(volume, token),
    }
    print(json.dumps(answer))


main()
