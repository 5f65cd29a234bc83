#!/usr/bin/python3
"""What the region knows of a node that goes: forget.py check|forget NODE, on the Salt master.

check: ends with 0 where the node may go: the release can do without some nodes of each of its
roles, and nova has no instance on it; else with 1 and the reason. forget: takes nova's services of
the node out (with its hypervisor, its inventory in placement and its place in the map of cells) and
neutron's agents, and prints what went. Nothing that runs may bear the node's name then: it would
come back. Both may be repeated. The admin's password is read where it lives and never printed.
"""

import json
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

TIMEOUT = 30  # seconds for one request
HERE = Path(__file__).resolve()  # /srv/kits/DIGEST/salt/nodes/forget.py
STORE = HERE.parents[4] / "environment"
ROLE_MAP = HERE.parents[1] / "roles.yml"
# The first version whose services have ids of their own in every cell.
COMPUTE = {"X-OpenStack-Nova-API-Version": "2.53"}


class Api:
    """The region's API as its admin; `front` is the URL of identity, up to /v3."""

    def __init__(self, front, password, trust=None):
        self._trust = trust
        domain = {"name": "Default"}
        user = {"name": "admin", "domain": domain, "password": password}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"name": "admin", "domain": domain}}
        self._token = ""
        headers, said = self._ask(
            "POST",
            front + "/auth/tokens",
            {},
            {"auth": {"identity": identity, "scope": scope}},
        )
        self._token = headers["X-Subject-Token"]
        self._urls = {
            service["type"]: endpoint["url"].rstrip("/")
            for service in said["token"]["catalog"]
            for endpoint in service["endpoints"]
            if endpoint["interface"] == "public"
        }

    def has(self, service):
        return service in self._urls

    def get(self, service, path, headers=(), **query):
        url = f"{self._urls[service]}{path}?{urllib.parse.urlencode(query)}"
        return self._ask("GET", url, dict(headers))[1]

    def delete(self, service, path, headers=()):
        self._ask("DELETE", self._urls[service] + path, dict(headers))

    def _ask(self, method, url, headers, body=None):
        data = json.dumps(body).encode() if body else None
        more = {"Content-Type": "application/json", "X-Auth-Token": self._token, **headers}
        request = urllib.request.Request(url, data, more, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT, context=self._trust) as answer:
                text = answer.read()
                return answer.headers, json.loads(text) if text else {}
        except urllib.error.HTTPError as error:
            said = error.read(500).decode("utf-8", "replace")
            sys.exit(f"{method} {url.partition('?')[0]}: {error.code}: {said}")


def instances(api, node):
    """The instances that nova has on the node: id and name."""
    if not api.has("compute"):
        return []
    found = api.get("compute", "/servers", COMPUTE, all_tenants=1, host=node)["servers"]
    return [f"{one['id']} ({one['name']})" for one in found]


def forget(api, node):
    """Take the node's records out; yields what went, in words."""
    if api.has("compute"):
        for one in api.get("compute", "/os-services", COMPUTE, host=node)["services"]:
            api.delete("compute", f"/os-services/{one['id']}", COMPUTE)
            yield f"{one['binary']} on {node}"
    if api.has("network"):
        for one in api.get("network", "/v2.0/agents", host=node)["agents"]:
            api.delete("network", f"/v2.0/agents/{one['id']}")
            yield f"{one['binary']} on {node}"


def needed(roles, content):
    """Those of a node's `roles` of which the release needs every node, by its role map."""
    return [role for role in roles if not content.get(role, {}).get("may_be_missing")]


def front(environment, content):
    """The URL of identity behind the load balancer, None where the region has none."""
    nodes = environment["nodes"].values()
    balancers = [node for node in nodes if "load-balancer" in node["roles"]]
    if not balancers or not any("identity" in node["roles"] for node in nodes):
        return None
    virtual = (environment.get("virtual") or {}).get("management")
    address = virtual or balancers[0]["addresses"]["management"]
    offer = content["identity"]["offers"]["identity"]
    return f"https://{address}:{offer['public_port']}{offer['path']}"


def main():
    import yaml

    how, node = sys.argv[1:]
    environment = json.loads((STORE / "environment.json").read_text())
    content = yaml.safe_load(ROLE_MAP.read_text())["roles"]
    roles = environment["nodes"].get(node, {}).get("roles", [])
    if how == "check" and (whole := needed(roles, content)):
        sys.exit(f"the release needs every node with the role {', '.join(whole)}")
    url = front(environment, content)
    if url is None:
        return
    password = json.loads((STORE / "secrets.json").read_text())["keystone_admin"]
    api = Api(url, password, ssl.create_default_context(cafile=STORE / "ca" / "ca.crt"))
    if how == "forget":
        print(*forget(api, node), sep="\n")
    elif there := instances(api, node):
        sys.exit(f"nova has instances on it: {', '.join(there)}")


if __name__ == "__main__":
    main()
