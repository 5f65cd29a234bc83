"""A region under test: its nodes over SSH, its API over verified TLS, and a tenant's own workload.

Requests come from outside, as tenants' do: to the public endpoints, in the network that is for
outsiders, which this machine has an address in (outsider.py).
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keystoneauth1.exceptions
import keystoneauth1.session
import openstack
import openstack.exceptions
import requests
from deploykit.nodes.inventory import Host, Inventory
from deploykit.nodes.ssh import run_on
from deploykit.providers import provider_for, resolve_instance
from deploykit.site import open_site
from deploykit.site.endpoints import Endpoints
from keystoneauth1.identity import V3Password
from outsider import outside
from tinyguest import Guest

INSTANCE, SITE = "DEPLOYKIT_REGION", "DEPLOYKIT_SITE"
SECRETS = "/srv/environment/secrets.json"
AUTHORITY = "/srv/environment/ca/ca.crt"
PHYSICAL_NETWORK = "external"
API_TIMEOUT = 180.0  # seconds for one request
PINGS_A_SECOND, PINGING_SECONDS = 5, 3000
LOSS_PER_CENT = 1.0  # of pings, that an upgrade may cost an instance
BOOT_SECONDS = 420.0  # from the request to the guest's own word that it is ready


@dataclass(frozen=True, slots=True)
class Region:
    """The nodes of a region and how to reach its API."""

    inventory: Inventory
    public: Endpoints
    authority: Path
    admin_password: str = field(repr=False)

    @property
    def auth_url(self) -> str:
        return f"https://{self.public.host}:5000/v3"

    @property
    def front(self) -> str:
        """Where services reach every service: the virtual address, or the one load balancer's."""
        first = self.with_role("load-balancer")[0]
        return self.inventory.environment.virtual.get("management", first.addresses["management"])

    def with_role(self, role: str) -> list[Host]:
        return [host for host in self.inventory.hosts if role in host.roles]

    def on(self, node: str, line: str, timeout: float = 60) -> str:
        """What a line of shell prints on a node; it must succeed."""
        return run_on(self.inventory.host(node), self.inventory, line, timeout=timeout).stdout

    def try_on(self, node: str, line: str, timeout: float = 60) -> tuple[int, str]:
        done = run_on(self.inventory.host(node), self.inventory, line, timeout=timeout, check=False)
        return done.returncode, done.stdout + done.stderr

    def connect(self, user: str, password: str, project: str) -> openstack.connection.Connection:
        """A connection to the API as `user`; TLS is verified by the region's own authority."""
        http = requests.Session()
        http.trust_env = False
        auth = V3Password(
            auth_url=self.auth_url,
            username=user,
            password=password,
            project_name=project,
            user_domain_id="default",
            project_domain_id="default",
        )
        session = keystoneauth1.session.Session(
            auth, session=http, verify=str(self.authority), timeout=API_TIMEOUT
        )
        return openstack.connection.Connection(session=session, region_name="RegionOne")

    def admin(self) -> openstack.connection.Connection:
        return self.connect("admin", self.admin_password, "admin")

    @property
    def outside(self) -> Host:
        """A node with an address in the external network that is no gateway of the region."""
        others = [host for host in self.inventory.hosts if "network" not in host.roles]
        return next(host for host in others if "external" in host.addresses)

    def ping(self, address: str, count: int = 3, seconds: float = 30.0) -> bool:
        """Whether `address` answers from outside within `seconds`, `count` times in a row."""
        line = f"ping -q -c {count} -i 0.2 -W 2 {shlex.quote(address)}"
        return wait(lambda: self.try_on(self.outside.name, line)[0] == 0, seconds)

    def fetch(self, address: str, path: str = "/") -> str:
        """A page of a guest, asked for from outside."""
        code = (
            "import sys, urllib.request as r;"
            "sys.stdout.write(r.urlopen(sys.argv[1], timeout=20).read().decode())"
        )
        url = shlex.quote(f"http://{address}{path}")
        return self.on(self.outside.name, f"python3 -c {shlex.quote(code)} {url}")


@dataclass(frozen=True, slots=True)
class Instance:
    """Which instance of which site."""

    site: Path
    name: str


def named(checkout: Path) -> Instance:
    """The instance that the process's environment names; its site is the checkout's by default."""
    site = Path(os.environ.get(SITE) or checkout / "deploy-kit")
    return Instance(site, os.environ[INSTANCE])


@contextmanager
def reached(which: Instance) -> Iterator[Region]:
    """The region that `deploy-kit env up` and `deploy` made."""
    site = open_site(which.site)
    environment, instance = resolve_instance(site, which.name)
    inventory = provider_for(site, environment).inventory(environment, instance)
    master = inventory.master
    secrets = json.loads(run_on(master, inventory, ["cat", SECRETS], timeout=30).stdout)
    authority = inventory.folder / "region-ca.crt"
    authority.write_text(run_on(master, inventory, ["cat", AUTHORITY], timeout=30).stdout)
    with outside(site, inventory) as public:
        yield Region(inventory, public, authority, secrets["keystone_admin"])


def wait(done: Callable[[], Any], seconds: float, pause: float = 1.0) -> Any:
    """Ask until the answer is true or `seconds` are over; the last answer."""
    end = time.monotonic() + seconds
    while not (answer := done()):
        if time.monotonic() > end:
            return answer
        time.sleep(pause)
    return answer


@dataclass(slots=True)
class Pings:
    """How many pings were sent in all and answered; known when the pinging is over."""

    sent: int = 0
    received: int = 0

    @property
    def lost_per_cent(self) -> float:
        return 100.0 * (self.sent - self.received) / self.sent


@contextmanager
def pinging(region: Region, address: str) -> Iterator[Pings]:
    """Ping `address` from outside all the while."""
    words = ["ssh", "-F", str(region.inventory.ssh_config), region.outside.name]
    # It ends by itself too: with the connection gone the remote ping would go on for ever.
    line = f"timeout -s INT {PINGING_SECONDS} ping -q -i {1 / PINGS_A_SECOND} {address}"
    stop = f"pkill -INT -f '^ping -q .* {address}$'"
    child = subprocess.Popen([*words, line], stdout=subprocess.PIPE, text=True)
    pings = Pings()
    try:
        yield pings
    finally:
        region.try_on(region.outside.name, stop)
        output = child.communicate(timeout=30)[0]
        counts = re.search(r"(\d+) packets transmitted, (\d+) received", output)
        assert counts, output
        pings.sent, pings.received = int(counts.group(1)), int(counts.group(2))


def guests(region: Region) -> dict[str, str]:
    """The process ids of the guests on each hypervisor."""
    return {
        host.name: region.on(host.name, "pgrep -f '[q]emu-system' | sort | xargs")
        for host in region.with_role("hypervisor")
    }


def down(region: Region) -> list[str]:
    """Services and agents that the API says are down; or why it does not say."""
    try:
        api = region.admin()
        members = [
            (service.binary, service.host, service.state == "up")
            for service in api.compute.services()
        ]
        members += [(agent.binary, agent.host, agent.is_alive) for agent in api.network.agents()]
        if region.with_role("volume-api"):
            volume_services = api.block_storage.services()
            members += [
                (service.binary, service.host, service.state == "up") for service in volume_services
            ]
        if region.with_role("orchestration"):
            members += [("heat-engine", host, up) for host, up in engines(api).items()]
    except (openstack.exceptions.SDKException, keystoneauth1.exceptions.ClientException) as error:
        return [f"the API does not answer: {error}"]
    return [f"{binary} on {host}" for binary, host, well in members if not well]


def engines(api: openstack.connection.Connection) -> dict[str, bool]:
    """Whether the engine of stacks on each host is up: one of its starts reports to be."""
    listed = api.orchestration.get("/services").json()["services"]
    up = {engine["host"] for engine in listed if engine["status"] == "up"}
    return {engine["host"]: engine["host"] in up for engine in listed}


@dataclass(slots=True)
class Tenant:
    """A project of its own with an account, an image and whatever its tests make in it."""

    region: Region
    admin: openstack.connection.Connection
    cloud: openstack.connection.Connection
    project: str
    name: str
    image: str
    flavor: str
    external: str

    def network(self, name: str, cidr: str) -> tuple[Any, Any, Any]:
        """A network with a subnet and a router to the outside."""
        net = self.cloud.network.create_network(name=name)
        subnet = self.cloud.network.create_subnet(
            name=name, network_id=net.id, ip_version=4, cidr=cidr
        )
        router = self.cloud.network.create_router(
            name=name, external_gateway_info={"network_id": self.external}
        )
        self.cloud.network.add_interface_to_router(router, subnet=subnet.id)
        return net, subnet, router

    def letting_in(self) -> None:
        """Pings and HTTP come in by rules of the default group."""
        mine = self.cloud.network.security_groups(project_id=self.project, name="default")
        group = next(iter(mine))
        for rule in ({"protocol": "icmp"}, {"protocol": "tcp", "port_range_min": 80}):
            more = {"port_range_max": rule["port_range_min"]} if "port_range_min" in rule else {}
            self.cloud.network.create_security_group_rule(
                security_group_id=group.id, direction="ingress", ethertype="IPv4", **rule, **more
            )

    def settle(self, name: str, cidr: str) -> str:
        """The floating address of an instance `name` that is ready, in a network of its own."""
        net, _, _ = self.network(name, cidr)
        self.letting_in()
        server = self.boot(name, net.id)
        self.ready(server)
        address: str = self.floating(server).floating_ip_address
        return address

    def without_network(self, net: Any, subnet: Any, router: Any) -> None:
        self.cloud.network.remove_interface_from_router(router, subnet=subnet.id)
        self.cloud.network.delete_router(router)
        self.cloud.network.delete_network(net)

    def boot(self, name: str, network: str, **more: Any) -> Any:
        return self.cloud.compute.create_server(
            name=name,
            image_id=self.image,
            flavor_id=self.flavor,
            networks=[{"uuid": network}],
            **more,
        )

    def ready(self, server: Any) -> str:
        """Wait until the guest says that it is ready; its console. Fails with what is known."""

        def look() -> str:
            current = self.cloud.compute.get_server(server.id)
            assert current.status != "ERROR", self.fault(server)
            if current.status != "ACTIVE":
                return ""
            text: str = self.cloud.compute.get_server_console_output(server.id)["output"] or ""
            return text if "GUEST ready" in text else ""

        text: str = wait(look, BOOT_SECONDS, 2.0)
        assert text, f"{server.name} is not ready: {self.fault(server)}"
        return text

    def fault(self, server: Any) -> str:
        document = self.cloud.compute.get(f"/servers/{server.id}").json()["server"]
        tail = ""
        with suppress(openstack.exceptions.SDKException):
            tail = (self.cloud.compute.get_server_console_output(server.id)["output"] or "")[-1500:]
        return f"{document['status']} {document.get('fault', {}).get('message', '')}\n{tail}"

    def port(self, server: Any) -> Any:
        return next(iter(self.cloud.network.ports(device_id=server.id)))

    def floating(self, server: Any) -> Any:
        return self.cloud.network.create_ip(
            floating_network_id=self.external, port_id=self.port(server).id
        )

    def host(self, server: Any) -> str:
        hypervisor: str = self.admin.compute.get_server(server.id).hypervisor_hostname
        return hypervisor

    def delete(self, *servers: Any) -> None:
        for server in servers:
            self.cloud.compute.delete_server(server)
        for server in servers:
            self.cloud.compute.wait_for_delete(server, interval=1, wait=90)

    def emptied(self) -> None:
        """Delete whatever is left in the project."""
        cloud = self.cloud
        if self.region.with_role("orchestration"):
            for stack in cloud.orchestration.stacks():
                cloud.orchestration.delete_stack(stack)
            wait(lambda: not list(cloud.orchestration.stacks()), 90)
        self.delete(*cloud.compute.servers())
        if self.region.with_role("volume-api"):
            for volume in cloud.block_storage.volumes():
                cloud.block_storage.delete_volume(volume)
        for address in cloud.network.ips(project_id=self.project):
            cloud.network.delete_ip(address)
        for router in cloud.network.routers(project_id=self.project):
            for port in cloud.network.ports(device_id=router.id):
                with suppress(openstack.exceptions.SDKException):
                    cloud.network.remove_interface_from_router(router, port=port.id)
            cloud.network.delete_router(router)
        for net in cloud.network.networks(project_id=self.project):
            cloud.network.delete_network(net)
        for image in cloud.image.images(owner=self.project):
            cloud.image.delete_image(image)
        for group in cloud.compute.server_groups():
            cloud.compute.delete_server_group(group)
        for rule in self.admin.network.security_groups(project_id=self.project):
            self.admin.network.delete_security_group(rule)


def upload(cloud: openstack.connection.Connection, guest: Guest) -> str:
    """The guest as an image of the caller's project; its id."""
    made = cloud.image.create_image(
        name="tiny",
        filename=str(guest.disk),
        container_format="bare",
        disk_format="raw",
        visibility="private",
        validate_checksum=True,
        hw_rng_model="virtio",
    )
    assert cloud.image.get_image(made.id).status == "active"
    return str(made.id)


def external_network(region: Region, admin: openstack.connection.Connection) -> tuple[str, bool]:
    """The network to the outside, made where there is none; whether it was made here."""
    for net in admin.network.networks(is_router_external=True):
        return str(net.id), False
    cidr = next(
        net.cidrs[0]
        for net in region.inventory.environment.networks
        if net.name == PHYSICAL_NETWORK
    )
    made = admin.network.create_network(
        name=PHYSICAL_NETWORK,
        is_router_external=True,
        provider_network_type="flat",
        provider_physical_network=PHYSICAL_NETWORK,
    )
    admin.network.create_subnet(
        name=PHYSICAL_NETWORK,
        network_id=made.id,
        ip_version=4,
        cidr=str(cidr),
        gateway_ip=str(cidr.network_address + 1),
        is_dhcp_enabled=False,
        allocation_pools=[
            {"start": str(cidr.network_address + 100), "end": str(cidr.network_address + 199)}
        ],
    )
    return str(made.id), True


@contextmanager
def tenant(region: Region, guest: Guest) -> Iterator[Tenant]:
    """A tenant of its own with the guest's image and a flavor; nothing of it stays."""
    admin = region.admin()
    name = f"region-test-{uuid.uuid4().hex[:8]}"
    secret = uuid.uuid4().hex
    external, made = external_network(region, admin)
    project = admin.identity.create_project(name=name, domain_id="default")
    user = admin.identity.create_user(name=name, domain_id="default", password=secret)
    role = admin.identity.find_role("member")
    admin.identity.assign_project_role_to_user(project, user, role)
    flavor = admin.compute.create_flavor(name=name, ram=96, vcpus=1, disk=1)
    made_tenant = Tenant(
        region,
        admin,
        region.connect(name, secret, name),
        project.id,
        name,
        "",
        flavor.id,
        external,
    )
    try:
        made_tenant.image = upload(made_tenant.cloud, guest)
        yield made_tenant
    finally:
        made_tenant.emptied()
        admin.compute.delete_flavor(flavor)
        admin.identity.delete_user(user)
        admin.identity.delete_project(project)
        if made:
            admin.network.delete_network(external)
