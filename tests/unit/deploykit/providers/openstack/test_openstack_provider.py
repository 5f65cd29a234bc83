"""Servers of a cloud as nodes: made, found again, removed; what a cloud lacks is said first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cloudworld import (
    Killed,
    World,
    cloud_world,
    killed_after,
    use_quick_clouds,
    user_data,
)
from deploykit.base.errors import DeployKitError, InputError, Refused
from deploykit.base.progress import Silent
from deploykit.providers import NodeState
from deploykit.site.instance import Instance
from fakecloud import write_clouds
from providercontract import check_up

TINY = Instance("tiny")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with cloud_world(tmp_path, monkeypatch) as found:
        yield found


def up(world: World, instance: Instance = TINY) -> object:
    return world.provider.up(world.environment, instance, {"purpose": "test"}, Silent())


def whats(world: World) -> dict[str, int]:
    """How many of what there are with our mark in the preferred cloud."""
    return {path: len(things) for path, things in world.first.ours().items()}


WHOLE = {
    "networks": 3,
    "subnets": 3,
    "routers": 1,
    "ports": 7,
    "security-groups": 1,
    "security-group-rules": 3,
    "floatingips": 1,
    "servers": 2,
}


def test_contract_is_held_by_servers_of_a_cloud(world: World) -> None:
    check_up(world.provider, world.environment)
    assert world.first.ours() == {} and world.second.ours() == {}
    (image,) = world.first.all("images")
    assert (image["status"], image["size"]) == ("active", 4000)


def test_server_knows_its_host_key_name_and_cards_before_it_starts(world: World) -> None:
    inventory = world.provider.up(world.environment, TINY, {}, Silent())
    servers = {user_data(one)["hostname"]: one for one in world.first.all("servers")}
    assert servers.keys() == {"salt", "web"}
    for host in inventory.hosts:
        told = user_data(servers[host.name])
        assert host.host_keys == (told["ssh_keys"]["ed25519_public"],)
        assert told["ssh_deletekeys"] is True and told["ssh_genkeytypes"] == []
        written = {one["path"]: one["content"] for one in told["write_files"]}
        key = Path(f"{inventory.ssh_key}.pub").read_text()
        assert written["/root/.ssh/authorized_keys"] == key
        assert "10.20.0.11 web\n" in written["/etc/hosts"]
    cards = written["/etc/deploy-kit-interfaces"].splitlines()
    macs = [
        world.first.things["ports"][one["port"]]["mac_address"]
        for one in servers["web"]["networks"]
    ]
    assert cards == [
        f"{macs[0]} - 1450",
        f"{macs[1]} eth1 1450 10.20.0.11/24",
        f"{macs[2]} eth2 1450 10.20.1.11/24",
    ]


def test_way_in_is_one_floating_address_and_the_others_are_reached_from_there(world: World) -> None:
    inventory = world.provider.up(world.environment, TINY, {}, Silent())
    master, web = inventory.hosts
    assert (master.ssh_address, master.jump) == ("192.0.2.100", "")
    assert web.ssh_address.startswith("10.") and web.jump == "salt"
    config = inventory.ssh_config.read_text()
    assert config.count("ProxyJump salt") == 1
    assert "StrictHostKeyChecking yes" in config


def test_nodes_have_the_environments_addresses_on_networks_of_the_instances_own(
    world: World,
) -> None:
    up(world)
    up(world, Instance("tiny", copy="other"))
    addresses = [
        fixed["ip_address"]
        for port in world.first.all("ports")
        for fixed in port["fixed_ips"]
        if fixed["ip_address"].startswith("10.20.0.")
    ]
    assert sorted(addresses) == ["10.20.0.10", "10.20.0.10", "10.20.0.11", "10.20.0.11"]
    open_networks = world.first.all("networks", port_security_enabled="false")
    assert len(open_networks) == 4 and len(world.first.all("images")) == 1
    world.provider.down(Instance("tiny", copy="other"), Silent())
    assert whats(world) == WHOLE


def test_nothing_of_anybody_else_is_touched_whatever_it_is_called(world: World) -> None:
    cloud = world.first
    others = [
        cloud.add("networks", {"name": "tiny-management", "description": ""}),
        cloud.add(
            "networks", {"name": "x", "description": "deploy-kit other-1 tiny network:tunnel"}
        ),
        cloud.add("servers", {"name": "tiny-salt", "metadata": {}, "status": "ACTIVE"}),
        cloud.add(
            "servers",
            {
                "name": "tiny-web",
                "status": "ACTIVE",
                "metadata": {
                    "deploykit.site": "other-1",
                    "deploykit.instance": "tiny",
                    "deploykit.what": "server:web",
                },
            },
        ),
    ]
    up(world)
    assert world.provider.instances() == [TINY]
    world.provider.down(TINY, Silent())
    left = {one["id"] for path in ("networks", "servers") for one in cloud.all(path)}
    assert {one["id"] for one in others} <= left


@pytest.mark.parametrize("part", range(4))
def test_up_that_was_killed_is_finished_by_the_next(world: World, part: int) -> None:
    for count in kills(world, part):
        with pytest.raises(Killed), killed_after(count):
            up(world)
        up(world)
        assert whats(world) == WHOLE, f"killed after {count} requests"
        world.provider.down(TINY, Silent())


@pytest.mark.parametrize("part", range(4))
def test_down_leaves_nothing_of_what_was_killed_anywhere(world: World, part: int) -> None:
    for count in kills(world, part):
        with pytest.raises(Killed), killed_after(count):
            up(world)
        with pytest.raises(Killed), killed_after(8 + count % 7):
            world.provider.down(TINY, Silent())
        world.provider.down(TINY, Silent())
        assert world.first.ours() == {}, f"killed after {count} requests"
        assert world.provider.instances() == []


def kills(world: World, part: int) -> list[int]:
    """After how many requests to be killed: two of that quarter of the way."""
    before = len(world.first.log)
    up(world)
    calls = len(world.first.log) - before
    world.provider.down(TINY, Silent())
    quarter = calls // 4
    return [quarter * part + 1 + quarter // 3, quarter * part + 2 * quarter // 3]


def test_request_that_was_done_and_not_answered_is_done_once(world: World) -> None:
    for pattern in ("networks", "ports", "floatingips", "servers", "security-groups"):
        world.first.fault(f"^POST .*/{pattern}$", None, done=True)
    up(world)
    assert whats(world) == WHOLE


@pytest.mark.parametrize("status", [429, 503])
def test_cloud_that_is_busy_for_a_while_is_asked_again(world: World, status: int) -> None:
    world.first.fault("^POST .*/ports$", status, times=3, headers={"Retry-After": "0"})
    world.first.fault("^POST .*/servers$", status, times=2)
    world.first.fault("^GET .*/networks", status, times=2)
    up(world)
    assert whats(world) == WHOLE
    world.first.fault("^DELETE ", status, times=3)
    world.provider.down(TINY, Silent())
    assert world.first.ours() == {}


def test_cloud_that_stays_busy_is_given_up_and_gone_on_with_later(world: World) -> None:
    world.first.fault("^POST .*/servers$", 503, times=1000)
    with pytest.raises(DeployKitError, match="cloud first: compute is busy: 503"):
        up(world)
    world.first.faults.clear()
    up(world)
    assert whats(world) == WHOLE


def test_server_that_never_ran_is_told_with_its_fault_and_made_anew(world: World) -> None:
    world.first.failing_servers = 1
    with pytest.raises(DeployKitError, match="is ERROR: No valid host was found"):
        up(world)
    up(world)
    assert whats(world) == WHOLE


def test_server_that_is_stopped_is_started(world: World) -> None:
    up(world)
    server = next(one for one in world.first.all("servers") if one["name"] == "tiny-web")
    server["status"] = "SHUTOFF"
    states = {one.name: one.state for one in world.provider.status(world.environment, TINY)}
    assert states == {"salt": NodeState.RUNNING, "web": NodeState.STOPPED}
    up(world)
    assert server["status"] == "ACTIVE"


def test_node_that_was_dropped_is_made_anew_with_its_addresses(world: World) -> None:
    first = world.provider.up(world.environment, TINY, {}, Silent())
    world.provider.drop(TINY, "web", Silent())
    world.provider.drop(TINY, "web", Silent())
    states = {one.name: one.state for one in world.provider.status(world.environment, TINY)}
    assert states == {"salt": NodeState.RUNNING, "web": NodeState.MISSING}
    second = world.provider.up(world.environment, TINY, {}, Silent())
    assert first.host("salt") == second.host("salt")
    assert first.host("web").ssh_address == second.host("web").ssh_address
    assert first.host("web").host_keys != second.host("web").host_keys


def test_everything_that_a_cloud_lacks_is_said_at_once_and_nothing_is_made(world: World) -> None:
    world.edit(
        "clouds: [first, second]",
        "clouds: [first]\n  flavors: {web: huge, salt: tiny}\n  external: outer\n  zone: moon",
    )
    world.first.limits["maxTotalInstances"] = 1
    world.first.quota["network"] = 2
    with pytest.raises(Refused) as caught:
        up(world)
    told = caught.value.remedy
    assert f"{world.place('flavors')}: flavor: there is none called 'huge'" in told
    assert f"{world.place('flavors')}: flavor: tiny has 64 MiB of memory" in told
    assert f"{world.place('external')}: external: there is no network" in told
    assert f"{world.place('zone')}: zone: there is none called 'moon'" in told
    assert "quota: 2 instances are needed and 1 are left" in told
    assert "quota: 3 networks are needed and 2 are left" in told
    assert not [call for call in world.first.log if call.startswith("POST") and "auth" not in call]
    assert world.first.ours() == {}


def test_cloud_without_a_service_or_extension_is_refused_by_name(world: World) -> None:
    world.first.services.remove("image")
    world.second.extensions.remove("port-security")
    with pytest.raises(Refused) as caught:
        up(world)
    assert "cloud first: image: it has no such service" in caught.value.remedy
    assert "cloud second: network: it has no extension port-security" in caught.value.remedy


def test_next_cloud_of_the_list_is_taken_where_the_first_has_no_room(world: World) -> None:
    world.first.limits["maxTotalInstances"] = 1
    up(world)
    assert world.first.ours() == {} and len(world.second.ours()["servers"]) == 2
    world.first.limits["maxTotalInstances"] = 10
    up(world)  # it stays where it is
    assert world.first.ours() == {}
    world.provider.down(TINY, Silent())
    assert world.second.ours() == {}


def test_cloud_that_does_not_answer_is_passed_over_where_there_is_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = {"first": "http://127.0.0.1:9", "second": url_of(world)}
    write_clouds(world.clouds_yaml, urls)
    use_quick_clouds(monkeypatch, busy=0.5)
    up(world)
    assert whats(world) == WHOLE  # the address of `second` is that of the first now
    write_clouds(world.clouds_yaml, {**urls, "second": "http://127.0.0.1:9"})
    with pytest.raises(DeployKitError, match=r"cloud second: .*127\.0\.0\.1:9"):
        world.provider.down(TINY, Silent())


def test_other_machine_finds_an_instance_by_its_marks(world: World) -> None:
    up(world)
    (world.site.instance(TINY) / "openstack.json").unlink()
    assert world.provider.instances() == [TINY]
    assert world.provider.tags(TINY)["purpose"] == "test"
    up(world)
    assert whats(world) == WHOLE
    (world.site.instance(TINY) / "openstack.json").unlink()
    world.provider.down(TINY, Silent())
    assert world.first.ours() == {}


def test_wrong_credentials_are_told_with_the_clouds_name(world: World) -> None:
    world.edit("[first, second]", "[first]")
    write_clouds(world.clouds_yaml, {"first": url_of(world)}, "wrong")
    with pytest.raises(DeployKitError, match="cloud first: it does not take these credentials"):
        up(world)
    assert not world.site.instance(TINY).exists()


def url_of(world: World) -> str:
    text = world.clouds_yaml.read_text()
    return text.partition('auth_url: "')[2].partition("/identity")[0]


def test_cloud_that_clouds_yaml_does_not_have_is_told_by_name(world: World) -> None:
    world.edit("[first, second]", "[third]")
    with pytest.raises(InputError, match="cloud third: ") as caught:
        up(world)
    assert "clouds.yaml" in caught.value.remedy


def test_without_openstacksdk_it_is_told_how_to_have_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploykit.providers.openstack.is_installed", lambda: False)
    monkeypatch.setitem(__import__("sys").modules, "openstack", None)
    assert world.provider.instances() == []
    with pytest.raises(DeployKitError, match="needs openstacksdk") as caught:
        up(world)
    assert "deploy-kit[openstack]" in caught.value.remedy


def test_addresses_that_changed_in_the_file_are_refused_and_nothing_is_changed(
    world: World,
) -> None:
    up(world)
    world.edit("at: 11", "at: 12")
    with pytest.raises(Refused) as caught:
        up(world)
    assert "port:web:management is there with other addresses" in caught.value.remedy
    assert whats(world) == WHOLE


def test_upload_that_was_cut_off_is_done_anew(world: World) -> None:
    world.first.fault("^PUT .*/file$", None)
    with pytest.raises(DeployKitError):
        up(world)
    assert [one["status"] for one in world.first.all("images")] == ["queued"]
    up(world)
    assert [one["status"] for one in world.first.all("images")] == ["active"]


def test_image_of_the_clouds_own_is_taken_by_name(world: World) -> None:
    world.edit("clouds: [first, second]", "clouds: [first]\n  image: Debian 12")
    with pytest.raises(Refused, match="its cloud cannot carry it") as caught:
        up(world)
    assert f"{world.place('image')}: image: there is none called" in caught.value.remedy
    image = world.first.add(
        "images", {"name": "Debian 12", "status": "active", "min_disk": 3, "min_ram": 512}
    )
    up(world)
    assert {one["imageRef"] for one in world.first.all("servers")} == {image["id"]}
    assert len(world.first.all("images")) == 1
