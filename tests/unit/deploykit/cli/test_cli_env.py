"""`deploy-kit env` and `init`: what is asked before nodes are destroyed, what calls are refused."""

from __future__ import annotations

import socket
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from deploykit.base.errors import DeployKitError, InputError, Refused
from deploykit.cli import cli
from deploykit.cli.confirm import confirm
from deploykit.cli.reach import free_port
from deploykit.nodes.inventory import Host, Inventory
from deploykit.site import Site, open_site
from deploykit.site.environment import Environment
from deploykit.site.instance import Instance

TEST, PRODUCTION = Instance("test"), Instance("production")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    done = CliRunner().invoke(cli, ["init", str(tmp_path / "mine")])
    assert done.exit_code == 0, done.output
    return open_site(tmp_path / "mine")


@pytest.fixture(autouse=True)
def nobody_at_the_keyboard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: PTH123, SIM115


def test_started_site_is_valid(site: Site) -> None:
    assert list(site.environments()) == ["test", "production"]
    assert site.name == "mine"
    assert site.environment("production").protected


def test_init_overwrites_nothing(site: Site) -> None:
    before = site.manifest.read_text(encoding="utf-8")
    site.manifest.write_text("mine", encoding="utf-8")
    result = CliRunner().invoke(cli, ["init", str(site.folder)])
    assert isinstance(result.exception, InputError)
    assert site.manifest.read_text(encoding="utf-8") == "mine" != before


def test_started_manifest_is_one_gitshelf_reads(site: Site) -> None:
    from gitshelf.manifest import load

    assert load(site.manifest)


def test_down_without_a_word_is_refused_and_says_what_it_destroys(site: Site) -> None:
    with pytest.raises(Refused, match="nodes of test"):
        confirm(site, [TEST], yes=False, meant=())
    confirm(site, [TEST], yes=True, meant=())


def test_protected_environment_wants_its_name(site: Site) -> None:
    with pytest.raises(Refused, match="production is protected"):
        confirm(site, [TEST, PRODUCTION], yes=True, meant=())
    confirm(site, [TEST, PRODUCTION], yes=True, meant=("production",))


@pytest.mark.parametrize("command", ["down", "rebuild", "reboot"])
def test_plain_yes_is_refused_for_a_protected_environment(
    site: Site, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    class Standing:
        def instances(self) -> list[Instance]:
            return [PRODUCTION]

        def tags(self, instance: Instance) -> dict[str, str]:
            return {}

        def inventory(self, environment: Environment, instance: Instance) -> Inventory:
            return Inventory(environment, instance, (), Path("key"), Path("folder"))

        def down(self, instance: Instance, progress: object) -> None:
            done.append(f"down {instance}")

        def up(
            self, environment: object, instance: Instance, tags: object, progress: object
        ) -> None:
            done.append(f"up {instance}")

    monkeypatch.setattr("deploykit.cli.env.provider_for", lambda *_: Standing())
    monkeypatch.setattr("deploykit.providers.provider_named", lambda *_: Standing())
    words = ["--site", str(site.folder), "env", command, "production", "--yes"]
    result = CliRunner().invoke(cli, words)
    assert isinstance(result.exception, Refused)
    assert result.exception.remedy == "say it by name: --yes-i-mean production"
    assert done == []
    result = CliRunner().invoke(cli, [*words, "--yes-i-mean", "production"])
    assert result.exception is None
    assert done == {"down": ["down production"], "reboot": [],
                    "rebuild": ["down production", "up production"]}[command]  # fmt: skip


def test_instance_whose_file_is_gone_can_be_taken_down(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    class Standing:
        def instances(self) -> list[Instance]:
            return [Instance("former")]

        def down(self, instance: Instance, progress: object) -> None:
            done.append(str(instance))

    monkeypatch.setattr("deploykit.providers.provider_named", lambda *_: Standing())
    result = CliRunner().invoke(cli, ["--site", str(site.folder), "env", "down", "former", "--yes"])
    assert (result.exception, done) == (None, ["former"])


def test_instance_of_another_provider_is_protected_too_but_a_copy_is_not(site: Site) -> None:
    with pytest.raises(Refused, match="production~vagrant is protected"):
        confirm(site, [Instance("production", "vagrant")], yes=True, meant=())
    confirm(site, [Instance("production", copy="copy-1")], yes=True, meant=())


def test_wrongly_typed_name_keeps_a_protected_environment(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(click, "prompt", lambda *_, **__: "produktion")
    monkeypatch.setattr(
        "deploykit.cli.confirm.sys.stdin", type("Tty", (), {"isatty": lambda _: True})()
    )
    with pytest.raises(Refused, match="stays"):
        confirm(site, [PRODUCTION], yes=True, meant=())


@pytest.mark.parametrize("command", ["up", "status", "ssh", "ssh-config"])
def test_unknown_environment_names_those_there_are(site: Site, command: str) -> None:
    result = CliRunner().invoke(cli, ["--site", str(site.folder), "env", command, "tset"])
    assert isinstance(result.exception, InputError)
    assert "no environment 'tset'" in result.exception.message
    assert "test, production" in result.exception.remedy


def test_forward_takes_another_port_where_one_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
    assert free_port(port) == port


class Rebooted:
    """What the command asked for: the nodes, by how they were rebooted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, site: Site, broken: str = "") -> None:
        self.calls: list[tuple[str, ...]] = []
        self._broken = broken
        environment = site.environments()["test"]
        hosts = tuple(
            Host(node.name, node.roles, "192.0.2.1", "root", environment.addresses(node), ())
            for node in environment.nodes
        )
        self.names = [host.name for host in hosts]
        inventory = Inventory(environment, TEST, hosts, site.state / "key", site.state)
        provider = type("Provider", (), {"inventory": lambda *_: inventory})
        monkeypatch.setattr("deploykit.cli.reach.provider_for", lambda *_: provider())
        monkeypatch.setattr("deploykit.nodes.reboot.reboot_nodes", self.all_at_once)
        monkeypatch.setattr("deploykit.nodes.reboot.reboot_to_health", self.alone)

    def all_at_once(self, _: Inventory, hosts: list[Host]) -> None:
        self.calls.append(tuple(host.name for host in hosts))

    def alone(self, _: Inventory, host: Host) -> None:
        self.calls.append((host.name,))
        if host.name == self._broken:
            raise DeployKitError(f"{host.name} is broken")


def test_reboot_goes_from_node_to_node_and_ends_at_one_that_is_not_well(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--site", str(site.folder), "env", "reboot", "test", "--yes"]
    well = Rebooted(monkeypatch, site)
    assert CliRunner().invoke(cli, words).exception is None
    assert well.calls == [(name,) for name in well.names]
    assert len(well.names) > 1
    sick = Rebooted(monkeypatch, site, broken=well.names[0])
    assert isinstance(CliRunner().invoke(cli, words).exception, DeployKitError)
    assert sick.calls == [(well.names[0],)]


def test_reboot_side_by_side_is_for_nodes_that_are_named(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--site", str(site.folder), "env", "reboot", "test", "--yes", "--all-at-once"]
    done = Rebooted(monkeypatch, site)
    assert isinstance(CliRunner().invoke(cli, words).exception, InputError)
    assert done.calls == []
    assert CliRunner().invoke(cli, [*words, *done.names[:2]]).exception is None
    assert done.calls == [tuple(done.names[:2])]
