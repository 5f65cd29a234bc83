"""Runs on the Salt master: one stack's life through the load balancer.

on_master_stack.py IDENTITY_URL: prints JSON {"up": the nodes whose engine is, "became": the stack's
status when it is a last one, "left": whether it is there once deleted}.
"""

import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

TIMEOUT = 60  # seconds for a request, and for a stack to be made or gone
TRUST = ssl.create_default_context(cafile="/srv/environment/ca/ca.crt")
# With a user of its own, for whom heat asks keystone; nothing that another service would make.
TEMPLATE = {
    "heat_template_version": "2021-04-16",
    "resources": {"word": {"type": "OS::Heat::WaitConditionHandle"}},
}


def call(method, url, token=None, body=None):
    """The answer's headers and document."""
    headers = {"Content-Type": "application/json", **({"X-Auth-Token": token} if token else {})}
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=TIMEOUT, context=TRUST) as answer:
        text = answer.read()
        return answer.headers, json.loads(text) if text else None


def login(url):
    """The admin's token, and the URL that the catalogue gives for stacks in its project."""
    password = json.loads(Path("/srv/environment/secrets.json").read_text())["keystone_admin"]
    domain = {"name": "Default"}
    user = {"name": "admin", "domain": domain, "password": password}
    identity = {"methods": ["password"], "password": {"user": user}}
    scope = {"project": {"name": "admin", "domain": domain}}
    body = {"auth": {"identity": identity, "scope": scope}}
    headers, document = call("POST", f"{url}/auth/tokens", body=body)
    catalogue = document["token"]["catalog"]
    (service,) = [entry for entry in catalogue if entry["type"] == "orchestration"]
    inside = [end["url"] for end in service["endpoints"] if end["interface"] == "internal"]
    return headers["X-Subject-Token"], inside[0]


def status(stack, token):
    """The stack's status; None if it is gone."""
    try:
        state = call("GET", stack, token)[1]["stack"]["stack_status"]
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return None
    return None if state == "DELETE_COMPLETE" else state


def after(stack, token, passing):
    """The stack's status when it is no longer one of `passing`, or when time is over."""
    end = time.monotonic() + TIMEOUT
    while (state := status(stack, token)) in passing and time.monotonic() < end:
        time.sleep(0.5)
    return state


def main():
    token, api = login(sys.argv[1])
    services = call("GET", f"{api}/services", token)[1]["services"]
    outcome = {"up": sorted({service["host"] for service in services if service["status"] == "up"})}
    wanted = {"stack_name": f"smoke-{time.time():.0f}", "template": TEMPLATE}
    made = call("POST", f"{api}/stacks", token, wanted)[1]["stack"]
    (stack,) = [link["href"] for link in made["links"] if link["rel"] == "self"]
    try:
        outcome["became"] = after(stack, token, {"CREATE_IN_PROGRESS"})
    finally:
        call("DELETE", stack, token)
    left = after(stack, token, {"CREATE_COMPLETE", "CREATE_FAILED", "DELETE_IN_PROGRESS"})
    outcome["left"] = left is not None
    print(json.dumps(outcome))


main()
