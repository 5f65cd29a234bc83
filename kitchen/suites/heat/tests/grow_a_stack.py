"""Runs on the node: grow_a_stack.py ADDRESS makes a group that grows when told, and tells it.

It grows by what heat does later for the stack's owner. By then the token that the stack was made
with is revoked. Prints JSON {"before": members of the group, "after": members once it was told,
"trusts": how many more trusts keystone keeps while the stack is there, "left": how many of them
once it is deleted, "why": the stack's status and its reason}.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request

TIMEOUT = 90  # seconds
MEMBER = {"type": "OS::Heat::RandomString", "properties": {"length": 8}}
GROW = {
    "auto_scaling_group_id": {"get_resource": "group"},
    "adjustment_type": "change_in_capacity",
    "scaling_adjustment": 1,
}
TEMPLATE = {
    "heat_template_version": "2021-04-16",
    "resources": {
        "group": {
            "type": "OS::Heat::AutoScalingGroup",
            "properties": {"min_size": 1, "max_size": 2, "resource": MEMBER},
        },
        "grow": {"type": "OS::Heat::ScalingPolicy", "properties": GROW},
    },
    "outputs": {"members": {"value": {"get_attr": ["group", "outputs_list", "value"]}}},
}


class Api:
    """Keystone's and heat's API as admin, with a token of its own."""

    def __init__(self, address):
        self.identity = f"https://{address}:5000/v3"
        self.token = None
        domain = {"name": "Default"}
        user = {"name": "admin", "domain": domain, "password": os.environ["KEYSTONE_PASSWORD"]}
        wanted = {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": "admin", "domain": domain}},
        }
        headers, document = self.call("POST", f"{self.identity}/auth/tokens", {"auth": wanted})
        self.token = headers["X-Subject-Token"]
        (self.stacks,) = {
            f"{endpoint['url']}/stacks"
            for service in document["token"]["catalog"]
            for endpoint in service["endpoints"]
            if service["type"] == "orchestration"
        }

    def call(self, method, url, body=None, **headers):
        """The answer's headers and document."""
        headers["Content-Type"] = "application/json"
        if self.token:
            headers["X-Auth-Token"] = self.token
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            text = answer.read()
            return answer.headers, json.loads(text) if text else None

    def revoke(self):
        """The token is worth nothing afterwards."""
        headers = {"X-Subject-Token": self.token}
        self.call("DELETE", f"{self.identity}/auth/tokens", **headers)

    def trusts(self):
        return len(self.call("GET", f"{self.identity}/OS-TRUST/trusts")[1]["trusts"])

    def stack(self, url):
        """The stack as it is; None if it is gone."""
        try:
            stack = self.call("GET", url)[1]["stack"]
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return None
        return None if stack["stack_status"] == "DELETE_COMPLETE" else stack

    def members(self, url):
        return len(self.call("GET", f"{url}/outputs/members")[1]["output"]["output_value"] or [])


def until(question):
    """The answer when it is true, or the last one when time is over."""
    end = time.monotonic() + TIMEOUT
    while not (answer := question()) and time.monotonic() < end:
        time.sleep(0.5)
    return answer


def main():
    maker, api = Api(sys.argv[1]), Api(sys.argv[1])
    trusts_before = api.trusts()
    wanted = {"stack_name": f"growing-{time.time():.0f}", "template": TEMPLATE}
    made = maker.call("POST", maker.stacks, wanted)[1]["stack"]
    (url,) = [link["href"] for link in made["links"] if link["rel"] == "self"]
    until(lambda: api.stack(url)["stack_status"] != "CREATE_IN_PROGRESS")
    maker.revoke()
    answer = {"before": api.members(url), "trusts": api.trusts() - trusts_before}
    api.call("POST", f"{url}/resources/grow/signal", {})
    until(lambda: api.members(url) > answer["before"])
    stack = api.stack(url)
    answer["after"] = api.members(url)
    answer["why"] = f"{stack['stack_status']}: {stack['stack_status_reason']}"
    api.call("DELETE", url)
    until(lambda: not api.stack(url))
    # The trust goes a moment after the stack is told to be gone.
    until(lambda: api.trusts() == trusts_before)
    answer["left"] = api.trusts() - trusts_before
    print(json.dumps(answer))


main()
