#!/usr/bin/python3
"""What the region knows of a node that goes: forget.py check|forget NODE, on the Salt master.

check: ends with 0 if the node may go: the release can do without some nodes of each of its roles,
and nova has no instance on it; else with 1 and the reason. forget: takes nova's services of
the node out (with its hypervisor, its inventory in placement and its place in the map of cells) and
neutron's agents, and prints what went. Nothing that runs may bear the node's name then: it would
come back. Both may be repeated.
"""

import sys
import urllib.error

sys.dont_write_bytecode = True  # a kit is as it was verified
import region  # noqa: E402

# The first version whose services have ids of their own in every cell.
COMPUTE = {"X-OpenStack-Nova-API-Version": "2.53"}


def instances(api, node):
    """The instances that nova has on the node: id and name."""
    if not api.has("compute"):
        return []
    servers = api.get("compute", "/servers", COMPUTE, all_tenants=1, host=node)["servers"]
    return [f"{server['id']} ({server['name']})" for server in servers]


def forget(api, node):
    """Take the node's records out; yields what went, in words."""
    if api.has("compute"):
        for service in api.get("compute", "/os-services", COMPUTE, host=node)["services"]:
            api.delete("compute", f"/os-services/{service['id']}", COMPUTE)
            yield f"{service['binary']} on {node}"
    if api.has("network"):
        for agent in api.get("network", "/v2.0/agents", host=node)["agents"]:
            api.delete("network", f"/v2.0/agents/{agent['id']}")
            yield f"{agent['binary']} on {node}"


def needed(roles, content):
    """Those of a node's `roles` of which the release needs every node, by its role map."""
    return [role for role in roles if not content.get(role, {}).get("may_be_missing")]


def main():
    how, node = sys.argv[1:]
    roles = region.environment()["nodes"].get(node, {}).get("roles", [])
    if how == "check" and (whole := needed(roles, region.role_map())):
        sys.exit(f"the release needs every node with the role {', '.join(whole)}")
    try:
        api = region.entered()
        if api is None:
            return
        if how == "forget":
            print(*forget(api, node), sep="\n")
        elif there := instances(api, node):
            sys.exit(f"nova has instances on it: {', '.join(there)}")
    except urllib.error.HTTPError as error:
        region.refused(error)


if __name__ == "__main__":
    main()
