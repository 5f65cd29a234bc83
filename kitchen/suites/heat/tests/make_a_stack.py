"""Runs on the node: make_a_stack.py ADDRESS makes a stack and deletes it.

It is one of what needs no other service. Prints JSON {"engines": how many report to be up,
"became": the stack's status in the end, "why": the reason that is told, "secret": the length of
what it made up, "users": how many users it had in the domain of stacks, "left": how many of the
stack and its users are there once deleted}.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

TIMEOUT = 90  # seconds
TEMPLATE = {
    "heat_template_version": "2021-04-16",
    "resources": {
        "secret": {"type": "OS::Heat::RandomString", "properties": {"length": 24}},
        # A place where somebody else says that he is done: it gets a user of its own.
        "word": {"type": "OS::Heat::WaitConditionHandle"},
    },
    "outputs": {"secret": {"value": {"get_attr": ["secret", "value"]}}},
}


def call(method, url, body=None, token=None):
    """The answer's headers and document."""
    headers = {"Content-Type": "application/json"} | ({"X-Auth-Token": token} if token else {})
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        text = answer.read()
        return answer.headers, json.loads(text) if text else None


def login(identity):
    """A token, and the URL that the catalogue gives for stacks."""
    domain = {"name": "Default"}
    user = {"name": "admin", "domain": domain, "password": os.environ["KEYSTONE_PASSWORD"]}
    wanted = {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": {"name": "admin", "domain": domain}},
    }
    headers, document = call("POST", f"{identity}/auth/tokens", {"auth": wanted})
    (url,) = {
        endpoint["url"]
        for service in document["token"]["catalog"]
        for endpoint in service["endpoints"]
        if service["type"] == "orchestration"
    }
    return headers["X-Subject-Token"], url


def stack_of(url, token):
    """The stack as it is; None if it is gone."""
    try:
        stack = call("GET", url, token=token)[1]["stack"]
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return None
    return None if stack["stack_status"] == "DELETE_COMPLETE" else stack


def after(url, token, passing):
    """The stack when its status is no longer `passing`, or when time is over."""
    end = time.monotonic() + TIMEOUT
    while (stack := stack_of(url, token)) and stack["stack_status"] == passing:
        if time.monotonic() > end:
            break
        time.sleep(0.5)
    return stack


def users(identity, token):
    """How many users stacks have in their domain."""
    (domain,) = call("GET", f"{identity}/domains?name=heat", token=token)[1]["domains"]
    all_users = call("GET", f"{identity}/users?domain_id={domain['id']}", token=token)[1]["users"]
    return len([user for user in all_users if user["name"] != "heat_domain_admin"])


def main():
    identity = f"https://{sys.argv[1]}:5000/v3"
    token, api = login(identity)
    services = call("GET", f"{api}/services", token=token)[1]["services"]
    before = users(identity, token)
    wanted = {"stack_name": f"kitchen-{time.time():.0f}", "template": TEMPLATE}
    made = call("POST", f"{api}/stacks", wanted, token)[1]["stack"]
    (url,) = [link["href"] for link in made["links"] if link["rel"] == "self"]
    stack = after(url, token, "CREATE_IN_PROGRESS")
    stack_users = users(identity, token) - before
    call("DELETE", url, token=token)
    left = after(url, token, "DELETE_IN_PROGRESS")
    answer = {
        "engines": len([service for service in services if service["status"] == "up"]),
        "became": stack["stack_status"],
        "why": stack["stack_status_reason"],
        "secret": len((stack.get("outputs") or [{"output_value": ""}])[0]["output_value"] or ""),
        "users": stack_users,
        "left": bool(left) + users(identity, token) - before,
    }
    print(json.dumps(answer))


main()
