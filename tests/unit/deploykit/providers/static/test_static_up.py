"""The provider `static`: machines are looked at, refused by name or taken in; none is destroyed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from deploykit.base.errors import InputError, NodeUnreachable, Refused
from deploykit.base.progress import Silent
from deploykit.nodes.inventory import Inventory
from deploykit.providers import NodeState
from deploykit.providers.static.access import render_config
from deploykit.site.instance import Instance
from staticworld import NETWORKS, World, build_world, host_key

CLOUD = Instance("cloud")
SALT, WEB = "192.0.2.10", "192.0.2.11"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return build_world(tmp_path, monkeypatch)


def up(world: World) -> Inventory:
    return world.provider.up(world.environment, CLOUD, {"purpose": "train"}, Silent())


def refusal(world: World) -> str:
    """Every reason for which the machines are refused."""
    with pytest.raises(Refused, match="not what the file says; nothing was changed") as caught:
        up(world)
    assert not world.authorized_keys(SALT).exists()
    assert world.provider.instances() == []
    return caught.value.remedy


def test_fit_machines_are_taken_in_by_a_key_of_the_instance_and_known_host_keys(
    world: World,
) -> None:
    inventory = up(world)
    assert [(h.name, h.ssh_address, h.ssh_user) for h in inventory.hosts] == [
        ("salt", SALT, "root"),
        ("web", WEB, "root"),
    ]
    known = (inventory.folder / "known_hosts").read_text()
    assert known == f"salt {host_key('salt')}\nweb {host_key('web')}\n"
    public = Path(f"{inventory.ssh_key}.pub").read_text()
    assert world.authorized_keys(SALT).read_text() == public
    assert world.provider.instances() == [CLOUD]
    assert world.provider.tags(CLOUD)["purpose"] == "train"


def test_up_again_changes_nothing_and_needs_no_key_of_the_operator(world: World) -> None:
    first = up(world)
    for address in (SALT, WEB):
        (world.machine(address) / "user").write_text("nobody")
    before = world.authorized_keys(WEB).read_text()
    assert up(world) == first
    assert world.authorized_keys(WEB).read_text() == before


def test_keys_of_others_stay_and_an_older_one_of_the_same_instance_goes(world: World) -> None:
    old = f"ssh-ed25519 OLD deploy-kit there-{world.site.id} cloud"
    longer = "ssh-ed25519 OTHER me@deploy-kit"
    world.authorized_keys(WEB).parent.mkdir()
    world.authorized_keys(WEB).write_text(f"{longer}\n{old}\n")
    inventory = up(world)
    public = Path(f"{inventory.ssh_key}.pub").read_text()
    assert world.authorized_keys(WEB).read_text() == f"{longer}\n{public}"
    assert world.authorized_keys(WEB).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"system": "debian 11", "called": "Debian 11"}, "system: it runs Debian 11, and releases"),
        ({"system": "ubuntu 24.04", "called": ""}, "system: it runs ubuntu 24.04, and releases"),
        ({"init": "sh"}, "process 1 is sh: install systemd-sysv"),
        ({"python": ""}, "there is no /usr/bin/python3: apt-get install python3"),
        ({"root_login": "no"}, "PermitRootLogin is 'no': 'prohibit-password'"),
        ({"memory": "65536"}, "memory: it has 0.1 GiB, and its roles take 0.1 GiB"),
        ({"disk": str(2**20)}, "disk: 1.0 GiB are free where / is, 2 GiB is the least"),
        ({"owner": "deploy-kit other-0a1b2c staging"}, "'deploy-kit other-0a1b2c staging'"),
        ({"owner": "deploy-kit there-0a1b2c cloud"}, "another site or another checkout"),
        ({"networks": "[]"}, "management: no interface has 10.20.0.11/24 (there are: none)"),
    ],
)
def test_machine_that_is_not_fit_is_refused_by_place_name_and_reason(
    world: World, changed: dict[str, str], told: str
) -> None:
    world.say(WEB, **changed)
    reasons = refusal(world).splitlines()
    assert len(reasons) == 1
    assert reasons[0].startswith(f"{world.place('address: 192.0.2.11')}: web: ")
    assert told in reasons[0]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"eth1"', '"ens3"', "10.20.0.11 is on ens3, and the file says eth1: interfaces: {man"),
        ('"prefixlen": 24', '"prefixlen": 16', "10.20.0.11 is a /16 there, and the file says /24"),
        ('["UP"], "mtu": 1500', '[], "mtu": 1500', "eth1 is down: ip link set eth1 up"),
    ],
)
def test_interface_that_is_not_the_environments_is_told(
    world: World, old: str, new: str, told: str
) -> None:
    text = json.dumps(NETWORKS).replace("ADDRESS", "10.20.0.11")
    assert old in text
    world.say(WEB, networks=text.replace(old, new))
    assert told in refusal(world)


def test_card_with_another_mac_or_mtu_than_the_file_says_is_told(world: World) -> None:
    world.edit("at: 11}", 'at: 11, links: {eth1: {mac: "52:54:00:aa:bb:cc", mtu: 1400}}}')
    world.edit("at: 10}", "at: 10, links: {eth1: {mtu: 1400}}}")
    reasons = refusal(world)
    assert "eth1 is 52:54:00:12:34:56, and the file says 52:54:00:aa:bb:cc" in reasons
    assert reasons.count("eth1 has the MTU 1500, and the file says 1400") == 2


def test_address_that_moved_to_the_bridge_of_its_card_is_still_right(world: World) -> None:
    networks = json.loads(json.dumps(NETWORKS).replace("ADDRESS", "10.20.0.11"))
    bridge = {**networks[1], "ifname": "brq1234"}
    world.say(WEB, networks=json.dumps([{**networks[1], "addr_info": [], "master": "brq1234"},
                                        bridge]))  # fmt: skip
    assert up(world).host("web").ssh_address == WEB


@pytest.mark.parametrize(("ahead", "told"), [("90", "s ahead of"), ("-90", "s behind")])
def test_clock_that_is_off_is_told(world: World, ahead: str, told: str) -> None:
    (world.machine(WEB) / "ahead").write_text(ahead)
    reason = refusal(world)
    assert "web: clock: it is" in reason and told in reason


def test_all_that_is_wrong_with_all_machines_is_told_at_once(world: World) -> None:
    world.say(SALT, init="sh", disk="0")
    world.say(WEB, python="")
    assert [line.split(": ")[2] for line in refusal(world).splitlines()] == [
        "system",
        "disk",
        "python",
    ]


def test_machine_that_shows_another_host_key_is_not_let_near(world: World) -> None:
    (world.machine(WEB) / "host_key").write_text(host_key("else"))
    with pytest.raises(NodeUnreachable) as caught:
        up(world)
    assert caught.value.message.startswith(f"{world.place('address: 192.0.2.11')}: web: it shows")
    assert "SHA256:uNiVztksCsDhcc0u9e8BrrJsTXJgEGmM2yvcQs2qLdU" in caught.value.message
    assert not world.authorized_keys(SALT).exists()


def test_machine_that_does_not_answer_is_named_with_its_place(world: World) -> None:
    world.machine(WEB).rename(world.machines / "off")
    with pytest.raises(NodeUnreachable, match=r"cloud.yml:\d+: web: 192.0.2.11 does not answer"):
        up(world)


def test_user_whom_no_key_of_the_operator_lets_in_is_told(world: World) -> None:
    (world.machine(WEB) / "user").write_text("admin")
    with pytest.raises(NodeUnreachable, match="web: it lets debian in by none of this operator's"):
        up(world)


def test_user_without_sudo_is_told(world: World) -> None:
    (world.machine(WEB) / "no-sudo").touch()
    with pytest.raises(NodeUnreachable, match="failed: sudo: a password is required") as caught:
        up(world)
    assert "NOPASSWD" in caught.value.remedy


def test_host_keys_are_asked_of_the_operators_command_each_time(
    world: World, tmp_path: Path
) -> None:
    console = tmp_path / "console"
    console.write_text(f'#!/bin/sh\necho "# $2"; cat "{world.machines}/$1/host_key"\n')
    console.chmod(0o755)
    for name in ("salt", "web"):
        world.edit(f"    host_key: {host_key(name)}", f"    user: debian # {name}")
    world.edit('"*": {', f'"*": {{host_key_by: ["{console}", "{{address}}", "{{node}}"], ')
    assert up(world).host("web").host_keys == (host_key("web"),)
    (world.machine(WEB) / "host_key").write_text(host_key("anew"))
    assert up(world).host("web").host_keys == (host_key("anew"),)
    console.write_text("#!/bin/sh\necho nothing\n")
    with pytest.raises(NodeUnreachable, match=r"host_key_by: .*console printed no host key"):
        up(world)


def test_machines_are_neither_destroyed_nor_copied(world: World) -> None:
    inventory = up(world)
    with pytest.raises(Refused, match="destroys nothing: salt, web machines stay"):
        world.provider.down(CLOUD, Silent())
    assert world.provider.inventory(world.environment, CLOUD) == inventory
    copy = Instance("cloud", copy="upgrade-1")
    with pytest.raises(Refused, match="cannot be copied"):
        world.provider.up(world.environment, copy, {}, Silent())


def test_machine_that_is_off_is_stopped_and_keeps_its_place(world: World) -> None:
    up(world)
    world.machine(WEB).rename(world.machines / "off")
    states = {one.name: one.state for one in world.provider.status(world.environment, CLOUD)}
    assert states == {"salt": NodeState.RUNNING, "web": NodeState.STOPPED}
    found = world.provider.inventory(world.environment, CLOUD)
    assert [host.name for host in found.hosts] == ["salt", "web"]


def test_node_without_a_machine_is_refused_before_anything_is_asked(world: World) -> None:
    world.edit("nodes:\n", "nodes:\n  more: {roles: [cache], at: 12}\n")
    world.edit('  "*": {user: debian, become: true}\n', "")
    with pytest.raises(InputError, match=r"cloud.yml:\d+: machines: .* machine for more"):
        world.provider.examine(world.environment)


def test_machine_of_another_environment_is_refused_with_both_places(world: World) -> None:
    text = world.file.read_text().replace("name: cloud", "name: other").replace(SALT, "192.0.2.9")
    (world.file.parent / "other.yml").write_text(text)
    with pytest.raises(InputError, match=r"cloud.yml:\d+: 192.0.2.11 is web of other already"):
        up(world)


def test_first_login_trusts_no_host_key_and_offers_no_password(world: World) -> None:
    inventory = up(world)
    from deploykit.providers.static.access import Door

    machine = dict(world.environment.machines)["web"]
    door = Door(inventory.host("web"), machine, inventory.ssh_key)
    for own in (True, False):
        config = render_config(door, Path("known"), own=own)
        assert "StrictHostKeyChecking yes" in config and "BatchMode yes" in config
        assert "ForwardAgent no" in config
        assert ("IdentitiesOnly yes" in config) is own
