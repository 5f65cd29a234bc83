"""A region in Vagrant's containers, driven by python-vagrant as a developer drives `vagrant`.

One small region for all tests of this file, in the order they stand here.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import vagrant
from deploykit.base.errors import CommandFailed
from deploykit.base.progress import Silent
from deploykit.nodes.inventory import Inventory
from deploykit.nodes.looks import NodeSnapshot, snapshots
from deploykit.nodes.ssh import run_on
from deploykit.providers.vagrant import VagrantProvider
from deploykit.providers.vagrant.bridge import SERVER, ensure_bridges
from deploykit.providers.vagrant.command import TimedVagrant
from deploykit.providers.vagrant.plan import Names
from deploykit.site import Site, open_site
from deploykit.site.environment import Environment
from deploykit.site.instance import Instance

pytestmark = [pytest.mark.vagrant, pytest.mark.timeout(2400), pytest.mark.xdist_group("vagrant")]
ENVIRONMENT = """\
name: sketch
provider: vagrant
networks:
  management: {cidr: 10.93.0.0/24}
  tunnel: {cidr: 10.93.1.0/24}
nodes:
  salt: {roles: [master], at: 10}
  controller: {roles: [database, cache, identity, load-balancer], at: 11}
  cache: {roles: [cache], at: 12, memory: 512M}
"""

SKETCH = Instance("sketch")


@dataclass(frozen=True, slots=True)
class Region:
    """A site with the environment `sketch`, its Vagrant, and what Vagrant said."""

    site: Site
    vagrant: TimedVagrant
    said: Path

    @property
    def environment(self) -> Environment:
        return self.site.environment("sketch")

    @property
    def provider(self) -> VagrantProvider:
        return VagrantProvider(self.site)

    @property
    def names(self) -> Names:
        return Names(self.site.id, SKETCH)

    def inventory(self) -> Inventory:
        return self.provider.inventory(self.environment, SKETCH)

    def traces(self) -> list[str]:
        """What is left of it on the host: containers, bridges, state."""
        listed = subprocess.run(
            ["sudo", "lxc-ls", "-1"], capture_output=True, text=True, timeout=60, check=True
        )
        found = [name for name in listed.stdout.split() if self.site.id in name]
        bridges = [self.names.bridge(1), self.names.bridge(2)]
        found += [name for name in bridges if Path("/sys/class/net", name).exists()]
        return found + [str(instance) for instance in self.provider.instances()]


@pytest.fixture(scope="module")
def region(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    for program in ("vagrant", "lxc-create"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program}: deploy-kit/setup --tests")
    base = tmp_path_factory.mktemp("vagrant")
    folder = base / "deploy-kit"
    (folder / "environments").mkdir(parents=True)
    (folder / "site.yml").write_text("name: sketch\n", encoding="utf-8")
    (folder / "environments" / "sketch.yml").write_text(ENVIRONMENT, encoding="utf-8")
    for name in ("salt", "ansible"):
        (base / name).symlink_to(checkout / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(base / "state"))
        patch.setenv("VAGRANT_CWD", str(checkout / "vagrant"))
        patch.setenv("VAGRANT_DOTFILE_PATH", str(base / "dot"))
        patch.setenv("VAGRANT_DEFAULT_PROVIDER", "lxc")
        patch.delenv("DEPLOY_KIT_CONVERGE", raising=False)
        site = open_site(folder)
        said = base / "vagrant.log"
        found = Region(site, TimedVagrant(site, "sketch", said), said)
        try:
            yield found
        finally:
            write(found, ENVIRONMENT)
            found.provider.down(SKETCH, Silent())


def write(region: Region, text: str) -> None:
    file = region.site.folder / "environments" / "sketch.yml"
    file.write_text(text, encoding="utf-8")


def look(inventory: Inventory) -> dict[str, NodeSnapshot]:
    return snapshots(inventory, [host.name for host in inventory.hosts])


def test_python_vagrant_is_the_package_and_not_the_folder_of_that_name(checkout: Path) -> None:
    assert vagrant.__file__ is not None
    assert not Path(vagrant.__file__).is_relative_to(checkout / "vagrant")


def test_a_wrong_environment_file_starts_no_node(region: Region) -> None:
    write(region, ENVIRONMENT.replace("roles: [cache]", "role: [cache]"))
    with pytest.raises(CommandFailed) as caught:
        region.vagrant.up()
    write(region, ENVIRONMENT)
    told = caught.value.remedy
    assert "sketch.yml" in told and "'role'" in told
    assert region.traces() == []


def served(pid: str) -> bool:
    """Whether the process is one that gives addresses."""
    with contextlib.suppress(OSError):
        return "dnsmasq" in Path("/proc", pid, "cmdline").read_text()
    return False


def test_uplink_whose_address_server_was_killed_gets_one_again(region: Region) -> None:
    ensure_bridges(region.names, region.environment)
    first = SERVER.read_text().strip()
    subprocess.run(["sudo", "kill", "-9", first], timeout=60, check=True)
    end = time.monotonic() + 10
    while served(first) and time.monotonic() < end:
        time.sleep(0.05)
    ensure_bridges(region.names, region.environment)
    again = SERVER.read_text().strip()
    assert again != first
    assert served(again)
    ensure_bridges(region.names, region.environment)
    assert SERVER.read_text().strip() == again


def test_up_gives_a_region_whose_smoke_test_passed(region: Region) -> None:
    region.vagrant.up()
    said = region.said.read_text(encoding="utf-8")
    assert "smoke test passed" in said
    assert "deploy-kit env forward sketch" in said
    assert [node.state for node in region.vagrant.status()] == ["running"] * 3
    assert region.provider.instances() == [SKETCH]


def test_every_node_has_its_addresses_and_answers_with_its_known_host_key(region: Region) -> None:
    inventory = region.inventory()
    for node in region.environment.nodes:
        host = inventory.host(node.name)
        told = run_on(host, inventory, ["ip", "-br", "-4", "address"], timeout=30).stdout
        found = {line.split()[0].partition("@")[0]: line.split()[2] for line in told.splitlines()}
        assert found["eth1"] == f"10.93.0.{node.at}/24"
        assert found["eth2"] == f"10.93.1.{node.at}/24"
        other = inventory.hosts[0] if host is not inventory.hosts[0] else inventory.hosts[1]
        reach = ["ping", "-c1", "-W2", other.addresses["tunnel"]]
        run_on(host, inventory, reach, timeout=30)


def test_the_master_serves_the_working_copy(region: Region, checkout: Path) -> None:
    inventory = region.inventory()
    words = ["readlink", "/srv/kits/current"]
    assert run_on(inventory.master, inventory, words, timeout=30).stdout.strip() == "working"
    words = ["cat", "/srv/kits/working/salt/roles.yml"]
    served = run_on(inventory.master, inventory, words, timeout=30).stdout
    assert served == (checkout / "salt" / "roles.yml").read_text(encoding="utf-8")


def test_a_node_keeps_to_its_limit_of_memory(region: Region) -> None:
    inventory = region.inventory()
    words = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null"
    told = run_on(inventory.host("cache"), inventory, f"{words} || true", timeout=30).stdout
    assert str(512 * 2**20) in told


def test_provisioning_again_changes_nothing(region: Region) -> None:
    inventory = region.inventory()
    before = look(inventory)
    region.vagrant.provision()
    after = look(inventory)
    for name, seen in after.items():
        assert seen.files == before[name].files
        assert seen.packages == before[name].packages
        kept = {
            unit: since for unit, since in seen.services.items() if unit in before[name].services
        }
        assert kept == before[name].services


def test_env_up_is_vagrant_up_and_goes_on_where_a_node_was_lost(region: Region) -> None:
    container = region.names.container("cache")
    subprocess.run(["sudo", "lxc-stop", "--kill", "--name", container], timeout=60, check=True)
    states = region.provider.status(region.environment, SKETCH)
    assert [node.state for node in states] == ["running", "running", "stopped"]
    region.provider.up(region.environment, SKETCH, {"purpose": "tests"}, Silent())
    assert region.provider.tags(SKETCH)["purpose"] == "tests"
    host = region.inventory().host("cache")
    answer = run_on(host, region.inventory(), ["systemctl", "is-active", "memcached"], timeout=30)
    assert answer.stdout.strip() == "active"


def test_another_environment_does_not_take_over_its_machines(region: Region) -> None:
    other = ENVIRONMENT.replace("sketch", "other").replace("10.93.", "10.94.")
    file = region.site.folder / "environments" / "other.yml"
    file.write_text(other, encoding="utf-8")
    try:
        with pytest.raises(CommandFailed) as caught:
            TimedVagrant(region.site, "other", region.said).status()
    finally:
        file.unlink()
    assert "is up for another environment" in caught.value.remedy


def test_destroy_leaves_neither_container_nor_bridge(region: Region) -> None:
    region.vagrant.destroy()
    assert region.traces() == []


@pytest.mark.parametrize("provider", ["lxc", "libvirt", "virtualbox"])
def test_the_configuration_of_every_provider_is_valid(
    region: Region, provider: str, checkout: Path
) -> None:
    environment = {**os.environ, "VAGRANT_DEFAULT_PROVIDER": provider}
    environment |= {"DEPLOY_KIT_SITE": str(region.site.folder), "DEPLOY_KIT_ENVIRONMENT": "sketch"}
    done = subprocess.run(
        ["vagrant", "validate", "--ignore-provider"],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        cwd=checkout / "vagrant",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
