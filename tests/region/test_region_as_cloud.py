"""The own region as a cloud: an environment whose nodes are servers of it, by the provider
`openstack`, as any tenant has it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cloud import Region, external_network
from cloudworld import Killed, killed_after
from deploykit.base.progress import Silent
from deploykit.nodes.ssh import run_on
from deploykit.providers.openstack import OpenstackProvider
from deploykit.providers.openstack.cloud import Cloud
from deploykit.providers.openstack.images import remove_images
from deploykit.providers.openstack.nodeimage import build_disk, key_of
from deploykit.site import Site, open_site
from deploykit.site.environment import Environment
from providercontract import check_up

pytestmark = [pytest.mark.train, pytest.mark.timeout(5400)]
FLAVOR = {"ram": 768, "vcpus": 1, "disk": 4}
ENVIRONMENT = """\
name: tiny
provider: openstack
networks:
  management: {cidr: 10.20.0.0/24}
  tunnel: {cidr: 10.20.1.0/24}
nodes:
  salt: {roles: [master], at: 10}
  web: {roles: [cache], at: 11}
openstack:
  clouds: [own]
  flavors: {"*": NAME}
"""
CLOUDS = """\
clouds:
  own:
    auth: {{auth_url: "{url}", username: {name}, password: {password}, project_name: {name},
           user_domain_id: default, project_domain_id: default}}
    region_name: RegionOne
    cacert: {authority}
"""


@dataclass(frozen=True)
class World:
    """A site whose environment `tiny` is to be made of servers of the region."""

    site: Site
    region: Region
    project: str

    @property
    def provider(self) -> OpenstackProvider:
        return OpenstackProvider(self.site)

    @property
    def environment(self) -> Environment:
        return self.site.environment("tiny")

    def left(self) -> list[str]:
        """What there is in the project, whoever made it."""
        admin = self.region.admin()
        listings: list[Any] = [
            admin.network.networks(project_id=self.project),
            admin.network.ports(project_id=self.project),
            admin.network.routers(project_id=self.project),
            admin.network.ips(project_id=self.project),
            admin.compute.servers(all_projects=True, project_id=self.project),
        ]
        return [f"{type(one).__name__} {one.name}" for found in listings for one in found]


@pytest.fixture(scope="module")
def world(region: Region, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A project of a tenant in the region, and a site of that tenant's; nothing of either stays."""
    admin, name = region.admin(), f"tenant-{uuid.uuid4().hex[:8]}"
    password, folder = uuid.uuid4().hex, tmp_path_factory.mktemp("cloud")
    external_network(region, admin)
    project = admin.identity.create_project(name=name, domain_id="default")
    user = admin.identity.create_user(name=name, domain_id="default", password=password)
    admin.identity.assign_project_role_to_user(project, user, admin.identity.find_role("member"))
    flavor = admin.compute.create_flavor(name=name, **FLAVOR)
    with pytest.MonkeyPatch.context() as patch:
        try:
            yield World(a_site(folder, patch, region, name, password), region, project.id)
        finally:
            remove_images(Cloud("own"), frozenset({key_of(open_site(folder), installed=False)}))
            admin.compute.delete_flavor(flavor)
            admin.identity.delete_user(user)
            admin.identity.delete_project(project)


def a_site(
    folder: Path, patch: pytest.MonkeyPatch, region: Region, name: str, password: str
) -> Site:
    """The tenant's site and clouds.yaml, in `folder`."""
    patch.setenv("XDG_STATE_HOME", str(folder / "state"))
    patch.setenv("OS_CLIENT_CONFIG_FILE", str(folder / "clouds.yaml"))
    for proxy in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        patch.delenv(proxy, raising=False)
    text = CLOUDS.format(
        url=region.auth_url, name=name, password=password, authority=region.authority
    )
    (folder / "clouds.yaml").write_text(text)
    (folder / "environments").mkdir()
    (folder / "site.yml").write_text("name: tenant\n")
    (folder / "environments" / "tiny.yml").write_text(ENVIRONMENT.replace("NAME", name))
    return open_site(folder)


def test_contract_is_held_by_servers_of_the_region(world: World, record_property: Any) -> None:
    build_disk(world.site, Silent(), installed=False)
    begun = time.monotonic()
    check_up(world.provider, world.environment)
    record_property("up_again_and_down_seconds", round(time.monotonic() - begun, 1))
    assert world.left() == []


def test_up_that_was_killed_is_finished_and_nodes_are_what_the_file_says(
    world: World, record_property: Any
) -> None:
    environment, instance = world.environment, world.environment.instance
    with pytest.raises(Killed), killed_after(40):
        world.provider.up(environment, instance, {}, Silent())
    begun = time.monotonic()
    inventory = world.provider.up(environment, instance, {}, Silent())
    record_property("up_seconds", round(time.monotonic() - begun, 1))
    for host in inventory.hosts:
        addresses = run_on(host, inventory, "ip -brief address", timeout=120).stdout
        for address in host.addresses.values():
            assert f"{address}/24" in addresses
        assert run_on(host, inventory, ["hostname"], timeout=60).stdout.strip() == host.name
        asked = "curl --silent --max-time 5 http://169.254.169.254/openstack/latest/user_data"
        assert run_on(host, inventory, asked, timeout=60, check=False).returncode != 0
    other = inventory.host("web").addresses["tunnel"]
    run_on(inventory.master, inventory, f"ping -c 2 -W 5 {other}", timeout=60)
    world.provider.down(instance, Silent())
    assert world.left() == []
