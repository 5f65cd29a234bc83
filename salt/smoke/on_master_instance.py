"""Runs on the Salt master: an instance with a floating address, made and taken away again.

on_master_instance.py up IDENTITY COMPUTE NETWORK IMAGE CIDR FIRST LAST < KERNEL: boots KERNEL as an
instance that answers pings; prints JSON {"status", "fault", "address"}. Where the region has no
external network, it is lent one: CIDR, of which FIRST to LAST are given out.
on_master_instance.py down IDENTITY COMPUTE NETWORK IMAGE: takes away all that is called as it is,
whoever left it, and prints JSON, kind -> how many of them are there all the same.
"""

import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

NAME = "smoke-instance"
TIMEOUT = 60  # seconds for a request
BOOT, GONE = 120, 60  # seconds for the instance to be made, and to be taken away
TRUST = ssl.create_default_context(cafile="/srv/environment/ca/ca.crt")
INSIDE = "192.0.2.0/28"  # RFC 5737: no network outside has it
# To iPXE its command line is a script, of several lines if need be. While it sleeps it answers pings;
# by itself it asks for an address for a quarter of a minute only.
COMMAND_LINE = ":again\ndhcp || goto again\nsleep 86400\ngoto again"
DISK = bytes(1 << 20)  # nothing is on it, nova wants one


class Api:
    """Requests with the admin's token, to the URL of each service."""

    def __init__(self, identity, **urls):
        password = json.loads(Path("/srv/environment/secrets.json").read_text())["keystone_admin"]
        domain = {"name": "Default"}
        user = {"name": "admin", "domain": domain, "password": password}
        scope = {"project": {"name": "admin", "domain": domain}}
        method = {"methods": ["password"], "password": {"user": user}}
        self._token = ""
        self._urls = {"identity": identity, **urls}
        headers, document = self._call(
            "POST", "identity/auth/tokens", {"auth": {"identity": method, "scope": scope}}
        )
        self._token = headers["X-Subject-Token"]
        self.project = json.loads(document)["token"]["project"]["id"]

    def get(self, path):
        return json.loads(self._call("GET", path)[1])

    def make(self, path, key, **values):
        """What the service says of the new thing."""
        document = json.loads(self._call("POST", path, {key: values} if key else values)[1])
        return document[key] if key else document

    def change(self, path, **values):
        self._call("PUT", path, values)

    def upload(self, path, content):
        self._call("PUT", path, content)

    def delete(self, path):
        """Delete it, if it is still there."""
        try:
            self._call("DELETE", path)
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise

    def _call(self, method, path, body=None):
        """The answer's headers and bytes; `path` begins with the kind of the service."""
        service, _, rest = path.partition("/")
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self._urls[service]}/{rest}",
            data,
            {"Content-Type": kind, "X-Auth-Token": self._token},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT, context=TRUST) as answer:
                return answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            # The body says what was wrong; the exception alone does not.
            sys.stderr.write(f"{method} {path}: {error.code} {error.read()[:1000]!r}\n")
            raise


def ids_of(entries):
    """The ids in a service's list."""
    return [entry["id"] for entry in entries]


def listed(api):
    """The ids of everything that is called NAME, by kind, in the order in which it can go."""
    mine = f"name={NAME}&project_id={api.project}"
    servers = api.get(f"compute/servers?name=%5E{NAME}%24")["servers"]
    floating = api.get(f"network/v2.0/floatingips?description={NAME}")["floatingips"]
    flavors = api.get("compute/flavors?is_public=None")["flavors"]
    return {
        "servers": ids_of(servers),
        "floating addresses": ids_of(floating),
        "routers": ids_of(api.get(f"network/v2.0/routers?{mine}")["routers"]),
        "networks": ids_of(api.get(f"network/v2.0/networks?{mine}")["networks"]),
        "security groups": ids_of(
            api.get(f"network/v2.0/security-groups?{mine}")["security_groups"]
        ),
        "images": ids_of(api.get(f"image/v2/images?name={NAME}")["images"]),
        "flavors": ids_of(flavor for flavor in flavors if flavor["name"] == NAME),
    }


PATHS = {
    "servers": "compute/servers",
    "floating addresses": "network/v2.0/floatingips",
    "routers": "network/v2.0/routers",
    "networks": "network/v2.0/networks",
    "security groups": "network/v2.0/security-groups",
    "images": "image/v2/images",
    "flavors": "compute/flavors",
}


def clear(api):
    """Take away everything that is called NAME."""
    for kind, ids in listed(api).items():
        for id in ids:
            if kind == "routers":
                ports = f"network/v2.0/ports?device_id={id}&fixed_ips=ip_address%3D192.0.2.1"
                for port in api.get(ports)["ports"]:
                    api.change(f"{PATHS[kind]}/{id}/remove_router_interface", port_id=port["id"])
            api.delete(f"{PATHS[kind]}/{id}")
        end = time.monotonic() + GONE
        while kind == "servers" and listed(api)[kind] and time.monotonic() < end:
            time.sleep(1)


def outside(api, cidr, first, last):
    """The id of a network to the outside: the region's, best with `cidr`, or one that it is lent."""
    there = ids_of(api.get("network/v2.0/networks?router:external=true")["networks"])
    subnets = api.get(f"network/v2.0/subnets?cidr={cidr}")["subnets"]
    same = {subnet["network_id"] for subnet in subnets}
    if there:
        return min(there, key=lambda network: network not in same)
    lent = api.make(
        "network/v2.0/networks",
        "network",
        **{"name": NAME, "router:external": True, "provider:network_type": "flat"},
        **{"provider:physical_network": "external"},
    )
    api.make(
        "network/v2.0/subnets",
        "subnet",
        network_id=lent["id"],
        ip_version=4,
        cidr=cidr,
        enable_dhcp=False,
        allocation_pools=[{"start": first, "end": last}],
    )
    return lent["id"]


def image(api, kernel):
    """The id of an image that boots `kernel`."""

    def put(content, kind, container, **more):
        made = api.make(
            "image/v2/images", "", name=NAME, disk_format=kind, container_format=container, **more
        )
        api.upload(f"image/v2/images/{made['id']}/file", content)
        return made["id"]

    boots = put(kernel, "aki", "aki")
    return put(DISK, "raw", "bare", kernel_id=boots, os_command_line=COMMAND_LINE)


def inside(api, external):
    """The id of a network with a way to the outside, and a group that lets pings in."""
    net = api.make("network/v2.0/networks", "network", name=NAME)
    subnet = api.make(
        "network/v2.0/subnets", "subnet", network_id=net["id"], ip_version=4, cidr=INSIDE
    )
    router = api.make(
        "network/v2.0/routers",
        "router",
        name=NAME,
        external_gateway_info={"network_id": external},
    )
    way = f"network/v2.0/routers/{router['id']}/add_router_interface"
    api.change(way, subnet_id=subnet["id"])
    group = api.make("network/v2.0/security-groups", "security_group", name=NAME)
    api.make(
        "network/v2.0/security-group-rules",
        "security_group_rule",
        security_group_id=group["id"],
        direction="ingress",
        ethertype="IPv4",
        protocol="icmp",
    )
    return net["id"]


def up(api, cidr, first, last):
    """Make everything; what became of the instance, and its floating address."""
    external = outside(api, cidr, first, last)
    flavor = api.make("compute/flavors", "flavor", name=NAME, ram=64, vcpus=1, disk=1)
    made = api.make(
        "compute/servers",
        "server",
        name=NAME,
        imageRef=image(api, sys.stdin.buffer.read()),
        flavorRef=flavor["id"],
        networks=[{"uuid": inside(api, external)}],
        security_groups=[{"name": NAME}],
    )
    end = time.monotonic() + BOOT
    path = f"compute/servers/{made['id']}"
    while (server := api.get(path)["server"])["status"] == "BUILD" and time.monotonic() < end:
        time.sleep(1)
    outcome = {"status": server["status"], "fault": server.get("fault", {}).get("message", "")}
    if server["status"] != "ACTIVE":
        return outcome
    (port,) = api.get(f"network/v2.0/ports?device_id={made['id']}")["ports"]
    floating = api.make(
        "network/v2.0/floatingips",
        "floatingip",
        floating_network_id=external,
        port_id=port["id"],
        description=NAME,
    )
    return {**outcome, "address": floating["floating_ip_address"]}


def main():
    what, identity, compute, network, glance, *pool = sys.argv[1:]
    api = Api(identity, compute=compute, network=network, image=glance)
    clear(api)  # before it is made, too: what a killed one left
    if what == "up":
        print(json.dumps(up(api, *pool)))
    else:
        print(json.dumps({kind: len(ids) for kind, ids in listed(api).items() if ids}))


main()
