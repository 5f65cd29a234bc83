"""The lxd provider on real nodes: a scratch site of its own, taken down whatever happens."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from deploykit.base.errors import DeployKitError, InputError, NodeUnreachable
from deploykit.base.progress import Silent
from deploykit.image.inputs import read_inputs
from deploykit.image.overlay import AUTHORIZED_KEYS
from deploykit.nodes import ssh
from deploykit.nodes.inventory import Inventory, write_ssh_files
from deploykit.providers.common import with_own_key
from deploykit.providers.lxd import LxdProvider
from deploykit.providers.lxd.api import Lxd
from deploykit.providers.lxd.bases import ensure_base
from deploykit.providers.lxd.images import find_base
from deploykit.providers.lxd.instance import orphans, remove_instance
from deploykit.providers.lxd.node import ROOTS_KEYS
from deploykit.providers.lxd.plan import Names
from deploykit.site import Site
from deploykit.site.instance import Instance
from deploykit.site.keypair import make_key
from deploykit.site.provisioning import forget_key, key_in_force, sites_key

sys.path.append(str(Path(__file__).resolve().parents[1] / "support"))
from lxdsite import ENVIRONMENT, lxd_or_skip, scratch_site, traces
from providercontract import check_up

pytestmark = [pytest.mark.nodes, pytest.mark.core, pytest.mark.timeout(1200)]
PROBE, COPY, MIXED = Instance("probe"), Instance("probe", copy="copy"), Instance("mixed")
TAGS = {"purpose": "tests", "release": "sha256:0"}
NAMED_INSTANCE = Instance("named")
NAMED = """\
name: named
networks:
  management: {cidr: 10.78.0.0/24, cidr6: "fd78::/64", interface: bond0.100}
  tunnel: {cidr: 10.78.1.0/24, interface: data}
links:
  bond0: {bond: [eno1, eno2]}
  bond0.100: {vlan: 100, on: bond0}
  data: {mtu: 9000}
nodes:
  salt: {roles: [master], at: 10}
  web:
    roles: [load-balancer]
    at: 11
    interfaces: {tunnel: fast}
    links: {fast: {mac: "52:54:00:12:34:56", mtu: 9000}}
"""
HYPERVISOR = """\
name: mixed
networks: {management: {cidr: 10.77.0.0/24}}
nodes:
  salt: {roles: [master], at: 10}
  compute: {roles: [hypervisor], at: 31}
"""


@pytest.fixture(scope="module")
def lxd() -> Lxd:
    return lxd_or_skip()


@pytest.fixture(scope="module")
def site(lxd: Lxd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    base = tmp_path_factory.mktemp("one")
    texts = {"probe": ENVIRONMENT.format(name="probe"), "mixed": HYPERVISOR, "named": NAMED}
    texts["fresh"] = ENVIRONMENT.format(name="fresh")
    with scratch_site(base / "site", base / "state", texts) as found:
        yield found


@pytest.fixture
def provider(site: Site) -> LxdProvider:
    return LxdProvider(site)


@pytest.fixture
def inventory(site: Site, provider: LxdProvider) -> Inventory:
    """The environment `probe`, up: made by the first test, found there by the others."""
    return provider.up(site.environment("probe"), PROBE, TAGS, Silent())


def on(inventory: Inventory, node: str, line: str) -> str:
    return ssh.run_on(inventory.host(node), inventory, line, timeout=30).stdout.strip()


def test_contract_of_providers_is_held(site: Site, provider: LxdProvider) -> None:
    check_up(provider, site.environment("fresh"))


def test_nodes_that_are_up_have_their_own_identity_and_fixed_addresses(
    inventory: Inventory,
) -> None:
    for name, last in (("salt", 10), ("web", 11)):
        assert on(inventory, name, "hostname") == name
        addresses = on(inventory, name, "ip -4 -o address show | awk '{print $2, $4}'")
        assert f"eth1 10.77.0.{last}/24" in addresses
        assert f"eth2 10.77.1.{last}/24" in addresses
        assert on(inventory, name, "id -u; awk '{print $2}' /proc/self/uid_map") != "0\n0"
    for what in ("cat /etc/machine-id", "cat /etc/ssh/ssh_host_ed25519_key.pub"):
        assert on(inventory, "salt", what) != on(inventory, "web", what)
    assert on(inventory, "salt", "ping -c 1 -W 2 web >/dev/null && echo yes") == "yes"
    assert on(inventory, "salt", "getent hosts web").startswith("10.77.0.11")
    assert on(inventory, "salt", "systemctl is-system-running --wait") == "running"
    assert on(inventory, "salt", "/opt/salt/bin/salt-call --version").startswith("salt-call 3008")


def test_nodes_have_the_interfaces_that_the_environment_names(
    site: Site, provider: LxdProvider
) -> None:
    """A VLAN is a card of that name here; names, MTU, MAC and IPv6 are as the file says."""
    environment = site.environment("named")
    try:
        found = provider.up(environment, NAMED_INSTANCE, TAGS, Silent())
        for name, last, data in (("salt", 10, "data"), ("web", 11, "fast")):
            addresses = on(found, name, "ip -o address show | awk '{print $2, $4}'").splitlines()
            assert {
                f"bond0.100 10.78.0.{last}/24",
                f"bond0.100 fd78::{last:x}/64",
                f"{data} 10.78.1.{last}/24",
            } <= set(addresses)
            assert on(found, name, f"cat /sys/class/net/{data}/mtu") == "9000"
            assert on(found, name, "cat /sys/class/net/bond0.100/mtu") == "1500"
            assert on(found, name, "systemctl is-active networking") == "active"
        assert on(found, "web", "cat /sys/class/net/fast/address") == "52:54:00:12:34:56"
        assert on(found, "salt", "ping -c 1 -W 5 fd78::b > /dev/null && echo yes") == "yes"
        large = "ping -c 1 -W 5 -M do -s 8900 10.78.1.11 > /dev/null && echo yes"
        assert on(found, "salt", large) == "yes"
        again = provider.up(environment, NAMED_INSTANCE, TAGS, Silent())
        assert again == found
        file = site.folder / "environments" / "named.yml"
        file.write_text(NAMED.replace("12:34:56", "12:34:57"), encoding="utf-8")
        with pytest.raises(DeployKitError, match="node web was made with other addresses or inter"):
            provider.up(site.environment("named"), NAMED_INSTANCE, TAGS, Silent())
    finally:
        provider.down(NAMED_INSTANCE, Silent())


def test_packages_of_the_content_take_no_network(inventory: Inventory) -> None:
    line = "apt-get install --yes --no-download --download-only keystone mariadb-server haproxy"
    assert "Err" not in on(inventory, "web", f"DEBIAN_FRONTEND=noninteractive {line}")


def test_up_again_changes_nothing_and_is_quick(
    site: Site, provider: LxdProvider, inventory: Inventory
) -> None:
    booted = on(inventory, "salt", "cat /proc/1/stat | cut -d' ' -f22")
    began = time.monotonic()
    again = provider.up(site.environment("probe"), PROBE, TAGS, Silent())
    assert time.monotonic() - began < 5
    assert again == inventory == provider.inventory(site.environment("probe"), PROBE)
    assert on(again, "salt", "cat /proc/1/stat | cut -d' ' -f22") == booted


def test_tags_say_whose_and_what_for(
    lxd: Lxd, site: Site, provider: LxdProvider, inventory: Inventory
) -> None:
    provider.tag(PROBE, {"release": "sha256:1"})
    tags = provider.tags(PROBE)
    assert tags["site"] == site.id
    assert tags["environment"] == tags["instance"] == "probe"
    assert (tags["purpose"], tags["release"]) == ("tests", "sha256:1")
    assert {"owner", "created"} <= tags.keys()
    node = lxd.get("instances/web", Names(site.id, PROBE).project)
    assert node["config"]["user.deploykit.release"] == "sha256:1"
    assert node["config"]["limits.memory"] == "512MiB"


def test_uplink_collides_with_nothing(lxd: Lxd, inventory: Inventory) -> None:
    address = inventory.hosts[0].ssh_address
    route = subprocess.run(
        ["ip", "route", "get", address], check=True, capture_output=True, text=True, timeout=10
    ).stdout
    assert f"dev {Names(_id(inventory), PROBE).network(0)}" in route


def _id(inventory: Inventory) -> str:
    return inventory.folder.parent.parent.name.rsplit("-", 1)[-1]


def test_changed_host_key_is_refused_and_learnt_by_up(
    site: Site, provider: LxdProvider, inventory: Inventory
) -> None:
    key = "/etc/ssh/ssh_host_ed25519_key"
    on(inventory, "web", f"rm {key}*; ssh-keygen -q -t ed25519 -N '' -f {key}")
    ssh.close(inventory)
    with pytest.raises(NodeUnreachable, match="web: its SSH host key"):
        on(inventory, "web", "true")
    again = provider.up(site.environment("probe"), PROBE, TAGS, Silent())
    assert on(again, "web", "echo fine") == "fine"


@pytest.mark.parametrize("how", ["stop", "freeze"])
def test_dead_node_is_named_within_half_a_minute(
    lxd: Lxd, site: Site, provider: LxdProvider, inventory: Inventory, how: str
) -> None:
    project = Names(site.id, PROBE).project
    body = {"action": how, "force": True, "timeout": 30}
    lxd.put("instances/web/state", body, project)
    try:
        began = time.monotonic()
        with pytest.raises(NodeUnreachable, match="1 node does not answer: web"):
            ssh.reachable(inventory)
        assert time.monotonic() - began < 15
        began = time.monotonic()
        with pytest.raises(NodeUnreachable, match="web"):
            ssh.run_on(inventory.host("web"), inventory, ["true"], timeout=40)
        assert time.monotonic() - began < 30
    finally:
        if how == "freeze":
            lxd.put("instances/web/state", {"action": "unfreeze", "timeout": 30}, project)
    if how == "stop":
        again = provider.inventory(site.environment("probe"), PROBE)  # the others can be reached
        assert ssh.silent(again) == ["web"]
    states = {node.name: node.state for node in provider.status(site.environment("probe"), PROBE)}
    assert states == {"salt": "running", "web": "stopped" if how == "stop" else "running"}
    provider.up(site.environment("probe"), PROBE, TAGS, Silent())
    ssh.reachable(inventory)


def test_nodes_come_back_to_what_a_snapshot_kept(
    site: Site, provider: LxdProvider, inventory: Inventory
) -> None:
    environment = site.environment("probe")
    key = on(inventory, "web", "cat /etc/ssh/ssh_host_ed25519_key.pub")
    for word in ("older", "kept"):  # the second replaces the first
        on(inventory, "web", f"echo {word} >/srv/mark")
        provider.save(PROBE, "good", Silent())
        inventory = provider.up(environment, PROBE, TAGS, Silent())
    on(inventory, "web", "echo lost >/srv/mark; echo lost >/srv/more")
    provider.bring_back(PROBE, "good", Silent())
    inventory = provider.up(environment, PROBE, TAGS, Silent())
    assert on(inventory, "web", "cat /srv/mark; ls /srv") == "kept\nmark"
    assert on(inventory, "web", "cat /etc/ssh/ssh_host_ed25519_key.pub") == key


def test_instance_of_before_own_keys_moves_over_with_a_stopped_node_and_after_a_restore(
    site: Site, lxd: Lxd, provider: LxdProvider, inventory: Inventory
) -> None:
    """It is made what it was: the nodes let in the site's key, and there is no other one."""
    environment, project = site.environment("probe"), Names(site.id, PROBE).project
    make_key(sites_key(site), "deploy-kit site")
    public = Path(f"{sites_key(site)}.pub").read_text().strip()
    for node in environment.nodes:
        lxd.write_file(node.name, ROOTS_KEYS, f"{public}\n", mode="0600", project=project)
        lxd.patch(f"instances/{node.name}", {"config": {AUTHORIZED_KEYS: public}}, project)
    ssh.close_all(inventory.folder)
    forget_key(site, PROBE)
    old = replace(inventory, ssh_key=sites_key(site))
    write_ssh_files(old)
    assert key_in_force(site, PROBE) == sites_key(site)
    provider.save(PROBE, "of-before", Silent())
    lxd.start("salt", project)
    with pytest.raises(DeployKitError, match=r"web is not reachable"):
        with_own_key(site, provider.inventory(environment, PROBE))
    assert key_in_force(site, PROBE) == sites_key(site)  # refused before anything moved
    for came in ("with a stopped node", "back to a snapshot of before"):
        moved = provider.up(environment, PROBE, TAGS, Silent())
        assert moved.ssh_key == key_in_force(site, PROBE) != sites_key(site), came
        for node in ("salt", "web"):
            assert public.split()[1] not in on(moved, node, f"cat {ROOTS_KEYS}"), came
        provider.bring_back(PROBE, "of-before", Silent())
    provider.up(environment, PROBE, TAGS, Silent())


def test_snapshot_that_is_not_there_stops_no_node(
    site: Site, provider: LxdProvider, inventory: Inventory
) -> None:
    with pytest.raises(InputError, match="has no snapshot 'missing'"):
        provider.bring_back(PROBE, "missing", Silent())
    states = [node.state for node in provider.status(site.environment("probe"), PROBE)]
    assert states == ["running", "running"]


def test_only_the_hypervisor_is_privileged(site: Site, provider: LxdProvider) -> None:
    mixed = provider.up(site.environment("mixed"), MIXED, TAGS, Silent())
    first = "awk 'NR == 1 {print $2}' /proc/self/uid_map"
    assert on(mixed, "compute", first) == "0"
    assert on(mixed, "salt", first) != "0"
    assert on(mixed, "compute", "test -c /dev/net/tun && echo yes") == "yes"
    provider.down(MIXED, Silent())


def test_copy_has_the_same_addresses_beside_the_original(
    site: Site, provider: LxdProvider, inventory: Inventory
) -> None:
    copy = provider.up(site.environment("probe"), COPY, TAGS, Silent())
    assert provider.instances() == [PROBE, COPY]
    assert [host.addresses for host in copy.hosts] == [host.addresses for host in inventory.hosts]
    on(copy, "web", "touch /root/mark")
    assert on(inventory, "web", "ls /root") == ""
    provider.down(COPY, Silent())
    assert on(inventory, "salt", "echo fine") == "fine"


def test_changed_network_is_told_with_what_to_do(
    site: Site, provider: LxdProvider, inventory: Inventory
) -> None:
    file = site.folder / "environments" / "probe.yml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("at: 11", "at: 12"), encoding="utf-8")
    try:
        with pytest.raises(DeployKitError, match="node web was made with other addresses"):
            provider.up(site.environment("probe"), PROBE, TAGS, Silent())
    finally:
        file.write_text(text, encoding="utf-8")


def test_two_sites_never_touch_each_other(
    lxd: Lxd, tmp_path: Path, site: Site, inventory: Inventory
) -> None:
    with scratch_site(tmp_path / "other", tmp_path / "state") as other:
        there = LxdProvider(other)
        theirs = there.up(other.environment("probe"), PROBE, TAGS, Silent())
        assert other.id != site.id
        assert there.instances() == [PROBE]
        assert {h.ssh_address for h in theirs.hosts}.isdisjoint(
            h.ssh_address for h in inventory.hosts
        )
        before = traces(lxd, site.id)
        there.down(PROBE, Silent())
        assert traces(lxd, other.id) == []
        assert traces(lxd, site.id) == before
    ssh.reachable(inventory)


def test_image_has_no_identity_baked_in(lxd: Lxd, inventory: Inventory) -> None:
    base = find_base(lxd, read_inputs().key, privileged=False)
    assert base is not None
    for kind in ("rsa", "ecdsa", "ed25519"):
        assert lxd.read_file(base, f"/etc/ssh/ssh_host_{kind}_key") is None
    assert lxd.read_file(base, "/etc/machine-id") == ""
    assert lxd.read_file(base, "/root/.ssh/authorized_keys") in (None, "\n")
    assert lxd.read_file(base, "/etc/apt/auth.conf") is None


def test_base_stays_stopped_when_the_daemon_starts_and_is_made_anew_if_it_ever_ran(
    lxd: Lxd, inventory: Inventory, site: Site
) -> None:
    key = read_inputs().key
    base = find_base(lxd, key, privileged=False)
    assert base is not None
    config = lxd.get(f"instances/{base}")["config"]
    assert config["volatile.last_state.power"] == "STOPPED"
    lxd.start(base)
    assert find_base(lxd, key, privileged=False) is None
    assert ensure_base(lxd, site, Silent(), installed=False) == base
    assert lxd.read_file(base, "/etc/machine-id") == ""


def test_node_that_several_calls_remove_at_once_is_removed_by_all(
    lxd: Lxd, site: Site, inventory: Inventory
) -> None:
    project = Names(site.id, PROBE).project

    def remove(seconds: float) -> None:
        time.sleep(seconds)
        Lxd().remove("web", project)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(remove, [moment * 0.1 for moment in range(8)]))
    assert lxd.find("instances/web", project) is None


def test_down_twice_leaves_nothing(
    lxd: Lxd, site: Site, provider: LxdProvider, inventory: Inventory
) -> None:
    assert traces(lxd, site.id)
    provider.down(PROBE, Silent())
    assert traces(lxd, site.id) == []
    assert not site.instance(PROBE).exists()
    provider.down(PROBE, Silent())
    with pytest.raises(DeployKitError, match="probe is not up") as caught:
        provider.inventory(site.environment("probe"), PROBE)
    assert "deploy-kit env up probe" in caught.value.remedy


@pytest.mark.parametrize("seconds", [0.7, 1.2, 2.0])
def test_killed_up_is_finished_by_the_next(
    lxd: Lxd, site: Site, provider: LxdProvider, seconds: float
) -> None:
    words = [sys.executable, "-m", "deploykit", "--site", str(site.folder), "env", "up", "probe"]
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    child.kill()
    child.wait(timeout=10)
    found = provider.up(site.environment("probe"), PROBE, TAGS, Silent())
    ssh.reachable(found)
    child = subprocess.Popen([*words[:-2], "down", "probe", "--yes"], stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    child.kill()
    child.wait(timeout=10)
    provider.down(PROBE, Silent())
    assert traces(lxd, site.id) == []


def test_instance_whose_checkout_is_gone_is_found_and_taken_down(lxd: Lxd, tmp_path: Path) -> None:
    with scratch_site(tmp_path / "gone", tmp_path / "state") as gone:
        LxdProvider(gone).up(gone.environment("probe"), PROBE, TAGS, Silent())
        assert gone.id not in {one.names.site for one in orphans(lxd)}
        shutil.rmtree(gone.folder)
        (found,) = (one for one in orphans(lxd) if one.names.site == gone.id)
        assert found.folder == gone.folder
        remove_instance(lxd, found.names)
        assert traces(lxd, gone.id) == []
