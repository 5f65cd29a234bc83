"""`env remove` and `replace`: a node goes with what is known of it, or is made anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from deploykit.base.errors import InputError, Refused
from deploykit.cli import cli
from deploykit.site.instance import Instance
from trainworld import World, applied, build_world, git

COMPUTES = "  compute: {roles: [hypervisor], count: 2, at: 20}\n"
FEWER = COMPUTES.replace("count: 2", "count: 1")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkout: Path) -> World:
    """An environment with two hypervisors that runs a release which can forget nodes."""
    world = build_world(tmp_path / "world", monkeypatch, {"alpha": None})
    environment_has(world, COMPUTES)
    world.up("alpha")
    for folder in ("nodes", "states/lib/files"):
        salt = world.folder / "checkout" / "salt"
        shutil.copytree(checkout / "salt" / folder, salt / folder, dirs_exist_ok=True)
    git(world.folder / "checkout", "add", ".")
    world.deploy(world.release(), "alpha")
    return world


def environment_has(world: World, computes: str) -> None:
    file = world.site.folder / "environments" / "alpha.yml"
    text = file.read_text().replace(COMPUTES, "")
    file.write_text(text.replace("nodes:\n", f"nodes:\n{computes}"))


def call(world: World, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--site", str(world.site.folder), "env", *words, "--yes"])


def test_node_that_is_out_of_the_file_goes_with_its_machine_and_then_its_pillar(
    world: World,
) -> None:
    environment_has(world, FEWER)
    done = call(world, "remove", "alpha", "compute2")
    assert done.exit_code == 0, done.exception
    assert not world.node("alpha", "compute2").exists()
    assert world.node("alpha", "compute1").exists()
    assert "deploy-kit deploy VERSION alpha" in done.output
    pillar = world.node("alpha", "salt") / "srv" / "environment" / "pillar"
    assert (pillar / "compute2.json").exists()
    world.deploy(world.release(), "alpha")
    assert not (pillar / "compute2.json").exists()
    assert (pillar / "compute1.json").exists()


def test_node_that_is_in_the_file_is_not_removed(world: World) -> None:
    done = call(world, "remove", "alpha", "compute2")
    assert isinstance(done.exception, InputError)
    assert "compute2 still is a node of alpha" in done.exception.message
    assert world.node("alpha", "compute2").exists()


@pytest.mark.parametrize("command", ["remove", "replace"])
def test_node_that_nobody_knows_is_refused_with_the_nearest(world: World, command: str) -> None:
    done = call(world, command, "alpha", "compute3")
    assert isinstance(done.exception, InputError)
    assert "alpha has no node 'compute3'" in done.exception.message
    assert "did you mean 'compute" in done.exception.remedy


def test_node_that_is_replaced_is_bare_until_the_next_deployment(world: World) -> None:
    world.provider.power_off(Instance("alpha"), "compute2")  # dead, as nodes are that are replaced
    before = applied(world.node("alpha", "compute1"))
    done = call(world, "replace", "alpha", "compute2")
    assert done.exit_code == 0, done.exception
    assert applied(world.node("alpha", "compute2")) is None
    assert applied(world.node("alpha", "compute1")) == before
    release = world.release()
    world.deploy(release, "alpha")
    assert applied(world.node("alpha", "compute2")) == release.digest


@pytest.mark.parametrize("node", ["region", "salt"])
def test_node_that_the_release_needs_is_not_taken_down(world: World, node: str) -> None:
    done = call(world, "replace", "alpha", node)
    assert isinstance(done.exception, Refused)
    assert f"{node} cannot go: the release needs every node" in done.exception.message
    assert world.node("alpha", node).exists()
