"""An OpenStack cloud that is a dictionary, behind HTTP: as much of its APIs as the provider uses.

It is there for the contract and for faults: `fault` has the next requests that match refused, or
done without an answer. What is only a matter of a real cloud (addresses that answer, quotas
that are counted while others work) is tried on one: tests/region/test_region_as_cloud.py.
"""

from __future__ import annotations

import ipaddress
import json
import re
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

PROJECT, PASSWORD = "project-1", "right"
EXTENSIONS = (
    "external-net", "router", "security-group", "standard-attr-description", "port-security",
    "quota_details",
)  # fmt: skip
NETWORK_PATHS = {
    "networks": "network", "subnets": "subnet", "routers": "router", "ports": "port",
    "security-groups": "security_group", "security-group-rules": "security_group_rule",
    "floatingips": "floatingip",
}  # fmt: skip
CLOUDS = """\
clouds:
  {name}:
    auth: {{auth_url: "{url}/identity/v3", username: me, password: {password}, project_name: mine,
           user_domain_id: default, project_domain_id: default}}
    region_name: RegionOne
"""


@dataclass
class Fault:
    """The next `times` requests whose `METHOD path` match: answered with `status`, with None not at
    all; `done` if the cloud does what was asked all the same."""

    pattern: str
    status: int | None
    times: int = 1
    done: bool = False
    headers: dict[str, str] = field(default_factory=dict)


class FakeCloud:
    """What it has, by the path of the list; `log` are the requests, in order."""

    def __init__(self) -> None:
        self.things: dict[str, dict[str, dict[str, Any]]] = {
            path: {} for path in (*NETWORK_PATHS, "servers", "images")
        }
        self.flavors = [
            {"id": "1", "name": "tiny", "ram": 64, "disk": 1, "vcpus": 1},
            {"id": "2", "name": "small", "ram": 2048, "disk": 8, "vcpus": 1},
            {"id": "3", "name": "large", "ram": 16384, "disk": 40, "vcpus": 8},
        ]
        self.extensions = list(EXTENSIONS)
        self.services = ["compute", "image", "network"]
        self.limits = {"maxTotalInstances": 10, "maxTotalCores": -1, "maxTotalRAMSize": 51200}
        self.quota = {"network": 100, "port": 500, "floatingip": 50}
        self.faults: list[Fault] = []
        self.log: list[str] = []
        self.failing_servers = 0  # the next servers that end in ERROR
        self.lock = threading.RLock()
        self.add("networks", {"name": "external", "router:external": True, "project_id": "admin"},
                 id="outside")  # fmt: skip
        self.add("subnets", {"network_id": "outside", "cidr": "192.0.2.0/24", "ip_version": 4})

    def add(self, path: str, thing: dict[str, Any], *, id: str | None = None) -> dict[str, Any]:
        """Put a thing there, as somebody else may have made it."""
        made = {"project_id": PROJECT, "created_at": f"{time.time_ns()}", **thing}
        made["id"] = id or str(uuid.uuid4())
        self.things[path][made["id"]] = made
        return made

    def fault(self, pattern: str, status: int | None, **more: Any) -> None:
        self.faults.append(Fault(pattern, status, **more))

    def all(self, path: str, **query: Any) -> list[dict[str, Any]]:
        return [
            thing
            for thing in self.things[path].values()
            if all(str(thing.get(key)).lower() == value.lower() for key, value in query.items())
        ]

    def ours(self) -> dict[str, list[dict[str, Any]]]:
        """What has a mark of the provider's, by path."""
        found = {}
        for path, things in self.things.items():
            marked = [
                one
                for one in things.values()
                if str(one.get("description", "")).startswith("deploy-kit ")
                or "deploykit.site" in (one.get("metadata") or {})
            ]
            if marked:
                found[path] = marked
        return found

    def answer(self, method: str, path: str, body: Any, query: dict[str, str]) -> tuple[int, Any]:
        """The status and document of one request."""
        with self.lock:
            if path.startswith("/network/v2.0/"):
                return self._network(method, path.removeprefix("/network/v2.0"), body, query)
            if path.startswith("/compute/v2.1/"):
                return self._compute(method, path.removeprefix("/compute/v2.1"), body)
            if path.startswith("/image/v2/"):
                return self._image(method, path.removeprefix("/image/v2"), body, query)
        return 404, {}

    def _network(self, method: str, path: str, body: Any, query: dict[str, str]) -> Any:
        parts = path.strip("/").split("/")
        if parts[0] == "extensions":
            return 200, {"extensions": [{"alias": one} for one in self.extensions]}
        if parts[0] == "quotas":
            used = {"network": "networks", "port": "ports", "floatingip": "floatingips"}
            return 200, {"quota": {
                word: {"limit": limit, "reserved": 0,
                       "used": len(self.all(used[word], project_id=PROJECT))}
                for word, limit in self.quota.items()
            }}  # fmt: skip
        word = NETWORK_PATHS[parts[0]]
        if len(parts) == 3:
            return self._interface(self.things["routers"][parts[1]], parts[2], body)
        if method == "GET" and len(parts) == 1:
            return 200, {parts[0].replace("-", "_"): self.all(parts[0], **query)}
        if method == "POST":
            return self._make_network_thing(parts[0], word, body[word])
        thing = self.things[parts[0]].get(parts[1])
        if thing is None:
            return 404, {"NeutronError": {"message": "not found"}}
        if method == "DELETE":
            return self._remove_network_thing(parts[0], thing)
        return 200, {word: thing}

    def _make_network_thing(self, path: str, word: str, body: dict[str, Any]) -> Any:
        thing = dict(body)
        if path == "networks":
            if len(self.all("networks", project_id=PROJECT)) >= self.quota["network"]:
                return 409, {"NeutronError": {"message": "Quota exceeded for resources: network"}}
            thing["mtu"] = 1450
        if path == "ports":
            problem = self._settle_port(thing)
            if problem:
                return 409, {"NeutronError": {"message": problem}}
        if path == "floatingips":
            port = self.things["ports"][thing["port_id"]]
            beside = self.all("ports", network_id=port["network_id"])
            if not any(one.get("device_id") in self.things["routers"] for one in beside):
                return 404, {"NeutronError": {"message": "External network is not reachable"}}
            thing["floating_ip_address"] = f"192.0.2.{100 + len(self.things[path])}"
        return 201, {word: self.add(path, thing)}

    def _settle_port(self, port: dict[str, Any]) -> str:
        """Give the port its addresses and MAC; what keeps it from them."""
        port.setdefault("mac_address", f"fa:16:3e:00:00:{len(self.things['ports']):02x}")
        port.setdefault("device_id", "")
        taken = {
            fixed["ip_address"]
            for other in self.all("ports", network_id=port["network_id"])
            for fixed in other["fixed_ips"]
        }
        for fixed in port["fixed_ips"]:
            cidr = ipaddress.ip_network(self.things["subnets"][fixed["subnet_id"]]["cidr"])
            free = (str(cidr[n]) for n in range(5, 250) if str(cidr[n]) not in taken)
            address = fixed.setdefault("ip_address", next(free))
            if address in taken:
                return f"IP address {address} already allocated"
            taken.add(address)
        return ""

    def _interface(self, router: dict[str, Any], action: str, body: Any) -> Any:
        port = self.things["ports"].get(body["port_id"])
        if port is None:
            return 404, {"NeutronError": {"message": "no such port"}}
        if action == "add_router_interface":
            if port["device_id"]:
                return 409, {"NeutronError": {"message": "Port is in use"}}
            port |= {"device_id": router["id"], "device_owner": "network:router_interface"}
        else:
            del self.things["ports"][port["id"]]
        return 200, {"port_id": port["id"]}

    def _remove_network_thing(self, path: str, thing: dict[str, Any]) -> Any:
        id, ports = thing["id"], self.all("ports")
        held = {
            "networks": any(port["network_id"] == id for port in ports),
            "routers": any(port["device_id"] == id for port in ports),
            "subnets": any(one["subnet_id"] == id for port in ports for one in port["fixed_ips"]),
            "security-groups": any(id in port.get("security_groups", ()) for port in ports),
            "ports": thing.get("device_owner") == "network:router_interface",
        }
        if held.get(path):
            return 409, {"NeutronError": {"message": f"{id} is in use"}}
        del self.things[path][id]
        if path == "networks":
            for subnet in self.all("subnets", network_id=id):
                del self.things["subnets"][subnet["id"]]
        if path == "security-groups":
            for rule in self.all("security-group-rules", security_group_id=id):
                del self.things["security-group-rules"][rule["id"]]
        return 204, None

    def _compute(self, method: str, path: str, body: Any) -> Any:
        parts = path.strip("/").split("/")
        if parts[0] == "limits":
            used = {"totalInstancesUsed": len(self.things["servers"]), "totalCoresUsed": 0}
            return 200, {"limits": {"absolute": {**self.limits, **used, "totalRAMUsed": 0}}}
        if parts[0] == "flavors":
            return 200, {"flavors": self.flavors}
        if parts[0] == "os-availability-zone":
            zone = {"zoneName": "nova", "zoneState": {"available": True}}
            return 200, {"availabilityZoneInfo": [zone]}
        if path == "/servers/detail":
            return 200, {"servers": list(self.things["servers"].values())}
        if method == "POST" and len(parts) == 1:
            return self._make_server(body["server"])
        server = self.things["servers"].get(parts[1])
        if server is None:
            return 404, {"itemNotFound": {"message": "no such server"}}
        if method == "DELETE":
            for port in self.all("ports", device_id=server["id"]):
                port["device_id"] = ""
            del self.things["servers"][server["id"]]
            return 204, None
        if parts[-1] == "metadata":
            server["metadata"] |= body["metadata"]
        if parts[-1] == "action" and "os-start" in body:
            server["status"] = "ACTIVE"
        return (202, {}) if method == "POST" else (200, {"server": server})

    def _make_server(self, body: dict[str, Any]) -> Any:
        if len(self.things["servers"]) >= self.limits["maxTotalInstances"]:
            return 403, {"forbidden": {"message": "Quota exceeded for instances"}}
        ports = [self.things["ports"].get(one["port"]) for one in body["networks"]]
        if any(port is None or port["device_id"] for port in ports):
            return 409, {"conflictingRequest": {"message": "Port is still in use"}}
        server = self.add("servers", {**body, "status": "ACTIVE", "OS-EXT-STS:task_state": None})
        if self.failing_servers:
            self.failing_servers -= 1
            server |= {"status": "ERROR", "fault": {"message": "No valid host was found"}}
        else:
            server["OS-SRV-USG:launched_at"] = "2026-11-30T00:00:00Z"
        for port in ports:
            assert port is not None
            port["device_id"] = server["id"]
        return 202, {"server": {"id": server["id"]}}

    def _image(self, method: str, path: str, body: Any, query: dict[str, str]) -> Any:
        parts = path.strip("/").split("/")
        if method == "GET" and len(parts) == 1:
            query.pop("owner", None)
            return 200, {"images": self.all("images", **query)}
        if method == "POST":
            return 201, self.add("images", {"status": "queued", "min_ram": 0, **body})
        image = self.things["images"].get(parts[1])
        if image is None:
            return 404, {}
        if method == "DELETE":
            del self.things["images"][parts[1]]
            return 204, None
        if parts[-1] == "file":
            image |= {"status": "active", "size": len(body)}
            return 204, None
        return 200, image


@contextmanager
def serving(cloud: FakeCloud) -> Iterator[str]:
    """The cloud at an address of this machine, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            serve(cloud, self)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_one

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


def serve(cloud: FakeCloud, handler: BaseHTTPRequestHandler) -> None:
    """Answer one request, with whatever fault there is for it."""
    parts = urlsplit(handler.path)
    raw = _body(handler)
    call = f"{handler.command} {parts.path}"
    fault = None
    with cloud.lock:
        cloud.log.append(call)
        for one in cloud.faults:
            if one.times and re.search(one.pattern, call):
                one.times -= 1
                fault = one
                break
    status, document, headers = _answer(cloud, handler, parts.path, raw, fault, parts.query)
    if fault is not None and fault.status is None:
        handler.close_connection = True
        handler.connection.close()
        return
    text = json.dumps(document).encode() if document is not None else b""
    handler.send_response(status)
    for key, value in headers.items():
        handler.send_header(key, value)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(text)))
    handler.end_headers()
    handler.wfile.write(text)


def _answer(
    cloud: FakeCloud,
    handler: BaseHTTPRequestHandler,
    path: str,
    raw: bytes,
    fault: Fault | None,
    query: str,
) -> tuple[int, Any, dict[str, str]]:
    if fault is not None and not fault.done:
        return fault.status or 500, {"error": {"message": "not now"}}, fault.headers
    host = f"http://{handler.headers['Host']}"
    if path.startswith("/identity"):
        return _identity(cloud, host, path, raw)
    versions = {
        "/network": {"versions": [_version("v2.0", f"{host}/network/v2.0/")]},
        "/compute": {"versions": [_version("v2.1", f"{host}/compute/v2.1/")]},
        "/image": {"versions": [_version("v2.9", f"{host}/image/v2/")]},
    }
    if path.rstrip("/") in versions:
        return 200, versions[path.rstrip("/")], {}
    body = raw if path.endswith("/file") else json.loads(raw) if raw else None
    status, document = cloud.answer(handler.command, path, body, dict(parse_qsl(query)))
    if fault is not None and fault.status is not None:
        return fault.status, {"error": {"message": "not now"}}, fault.headers
    return status, document, {}


def _identity(
    cloud: FakeCloud, host: str, path: str, raw: bytes
) -> tuple[int, Any, dict[str, str]]:
    if path.endswith("/auth/tokens"):
        user = json.loads(raw)["auth"]["identity"]["password"]["user"]
        if user["password"] != PASSWORD:
            return 401, {"error": {"code": 401, "message": "The request requires auth"}}, {}
        catalog = [
            {"type": kind, "name": kind, "endpoints": [
                {"interface": "public", "region": "RegionOne", "region_id": "RegionOne",
                 "url": f"{host}/{kind}"}]}
            for kind in cloud.services
        ]  # fmt: skip
        token = {
            "project": {"id": PROJECT, "name": "mine", "domain": {"id": "default"}},
            "user": {"id": "u", "name": "me", "domain": {"id": "default"}},
            "expires_at": "2099-01-01T00:00:00.000000Z", "issued_at": "2026-01-01T00:00:00.000000Z",
            "methods": ["password"], "catalog": catalog, "roles": [{"id": "r", "name": "member"}],
        }  # fmt: skip
        return 201, {"token": token}, {"X-Subject-Token": "t"}
    return 200, {"version": _version("v3.14", f"{host}/identity/v3/")}, {}


def _version(id: str, href: str) -> dict[str, Any]:
    return {"id": id, "status": "CURRENT", "links": [{"rel": "self", "href": href}]}


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    """The bytes of a request, whether their number was said or they come in chunks."""
    if handler.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    found = b""
    while size := int(handler.rfile.readline().strip() or b"0", 16):
        found += handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()
    return found


def write_clouds(file: Path, clouds: dict[str, str], password: str = PASSWORD) -> None:
    """A clouds.yaml of these clouds, by name with their address."""
    parts = [CLOUDS.format(name=name, url=url, password=password) for name, url in clouds.items()]
    text = "clouds:\n" + "".join(part.removeprefix("clouds:\n") for part in parts)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
