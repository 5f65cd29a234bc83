"""`deploy-kit env snapshot` and `restore`: for which environments, and what is asked before."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from deploykit.base.errors import InputError, Refused
from deploykit.cli import cli
from deploykit.site.instance import Instance

NETWORKS = (
    "networks: {management: {cidr: 10.77.0.0/24}}\nnodes: {salt: {roles: [master], at: 10}}\n"
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: PTH123, SIM115
    folder = tmp_path / "deploy-kit"
    (folder / "environments").mkdir(parents=True)
    (folder / "site.yml").write_text("name: mine\n")
    for name, more in {
        "sketch": "",
        "plain": "provider: vagrant\n",
        "test": "",
        "live": "promotion: {from: test}\n",
    }.items():
        text = f"name: {name}\n{more}{NETWORKS}"
        (folder / "environments" / f"{name}.yml").write_text(text)
    return folder


def run(site: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--site", str(site), "env", *words])


class Keeper:
    """A provider that keeps snapshots, and tells what it was asked to do."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def instances(self) -> list[Instance]:
        return [Instance("sketch")]

    def tags(self, instance: Instance) -> dict[str, str]:
        return {"purpose": "dev"}

    def up(self, environment: object, instance: Instance, tags: object, progress: object) -> None:
        self.done.append(f"up {instance}")

    def save(self, instance: Instance, name: str, progress: object) -> None:
        self.done.append(f"save {instance} {name}")

    def bring_back(self, instance: Instance, name: str, progress: object) -> None:
        self.done.append(f"bring back {instance} {name}")

    def down(self, instance: Instance, progress: object) -> None: ...
    def inventory(self, environment: object, instance: Instance) -> None: ...
    def status(self, environment: object, instance: Instance) -> None: ...
    def tag(self, instance: Instance, tags: object) -> None: ...


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Keeper:
    found = Keeper()
    monkeypatch.setattr("deploykit.cli.snapshot.provider_for", lambda *_: found)
    return found


@pytest.mark.parametrize("command", ["snapshot", "restore"])
@pytest.mark.parametrize("name", ["test", "live"])
def test_environment_that_takes_releases_is_refused(
    site: Path, keeper: Keeper, command: str, name: str
) -> None:
    said = run(site, command, name).exception
    assert isinstance(said, Refused) and "takes releases" in said.message
    assert keeper.done == []


def test_provider_without_snapshots_is_refused(site: Path) -> None:
    said = run(site, "snapshot", "plain").exception
    assert isinstance(said, Refused) and "keeps no snapshots" in said.message


def test_nodes_start_again_after_a_snapshot(site: Path, keeper: Keeper) -> None:
    assert run(site, "snapshot", "sketch").exception is None
    assert keeper.done == ["save sketch saved", "up sketch"]


def test_restore_says_what_is_lost_and_wants_a_yes(site: Path, keeper: Keeper) -> None:
    said = run(site, "restore", "sketch", "--name", "before").exception
    assert isinstance(said, Refused) and "nodes of sketch" in said.message
    assert keeper.done == []
    assert run(site, "restore", "sketch", "--name", "before", "--yes").exception is None
    assert keeper.done == ["bring back sketch before", "up sketch"]


@pytest.mark.parametrize("name", ["", "-x", "a/b", "UP", "x" * 40])
def test_odd_name_of_a_snapshot_is_refused(site: Path, keeper: Keeper, name: str) -> None:
    said = run(site, "snapshot", "sketch", "--name", name).exception
    assert isinstance(said, InputError)
    assert keeper.done == []


def test_instance_that_is_not_up_has_nothing_to_keep(
    site: Path, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "instances", list)
    said = run(site, "snapshot", "sketch").exception
    assert isinstance(said, Refused) and "not up" in said.message
