"""`env maintain`, `evacuate` and a rolling `reboot`: the master's tool is a script here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from deploykit.base.errors import DeployKitError, InputError, Refused
from deploykit.base.progress import Silent
from deploykit.cli import cli
from deploykit.cli.maintain import reboot_step
from deploykit.nodes.inventory import Inventory
from scriptedssh import inventory_of, ssh_is
from trainworld import World, build_world, git

COMPUTES = "  compute: {roles: [hypervisor], count: 2, at: 20}\n"
# In the place of salt/nodes/moves.py: what it was called with is in `calls` beside it; `said` has
# the lines that it prints, `ends` its exit status.
TOOL = """import pathlib, sys
here = pathlib.Path(__file__).parent
with (here / "calls").open("a") as calls:
    print(*sys.argv[1:], file=calls)
if sys.argv[1] != "back":
    print((here / "said").read_text())
"""
LEFT: list[dict[str, object]] = [{"closed": True}, {"note": "web: live migration"}]
LEFT += [{"moved": "web (id-1)", "to": "compute2", "seconds": 4.2}]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """An environment with two hypervisors that runs a release with such a tool."""
    world = build_world(tmp_path / "world", monkeypatch, {"alpha": None})
    file = world.site.folder / "environments" / "alpha.yml"
    file.write_text(file.read_text().replace("nodes:\n", f"nodes:\n{COMPUTES}"))
    world.up("alpha")
    tools = world.folder / "checkout" / "salt" / "nodes"
    tools.mkdir()
    (tools / "moves.py").write_text(TOOL)
    git(world.folder / "checkout", "add", ".")
    world.deploy(world.release(), "alpha")
    return world


def tool_folder(world: World) -> Path:
    kits = world.node("alpha", "salt") / "srv" / "kits"
    return next(one for one in kits.glob("*/salt/nodes") if one.parts[-3] != "current")


def says(world: World, *lines: dict[str, object]) -> None:
    (tool_folder(world) / "said").write_text("\n".join(map(json.dumps, lines)))


def calls(world: World) -> list[str]:
    file = tool_folder(world) / "calls"
    return file.read_text().splitlines() if file.exists() else []


def call(world: World, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--site", str(world.site.folder), "env", *words, "--yes"])


def test_hypervisor_is_emptied_and_says_where_each_went_and_how_it_is_used_again(
    world: World,
) -> None:
    says(world, *LEFT)
    done = call(world, "maintain", "alpha", "compute1", "--limit", "90s")
    assert done.exit_code == 0, done.exception
    assert calls(world) == ["empty compute1 90 deploy-kit env maintain"]
    assert "web (id-1) is on compute2" in done.output
    assert "deploy-kit env maintain alpha compute1 --back" in done.output
    assert call(world, "maintain", "alpha", "compute1", "--back").exit_code == 0
    assert calls(world)[1:] == ["back compute1"]


def test_what_stays_is_named_with_its_reason_and_ends_with_one(world: World) -> None:
    says(world, *LEFT, {"stays": "old (id-2)", "why": "its status is RESCUE"})
    done = call(world, "maintain", "alpha", "compute1")
    assert isinstance(done.exception, Refused)
    assert done.exception.exit_code == 1
    assert "1 stay: old (id-2): its status is RESCUE" in done.exception.message
    assert "web (id-1) is on compute2" in done.output


@pytest.mark.parametrize("command", ["maintain", "evacuate"])
def test_node_that_nobody_knows_is_refused_with_the_nearest(world: World, command: str) -> None:
    done = call(world, command, "alpha", "compute3")
    assert isinstance(done.exception, InputError)
    assert "did you mean 'compute" in done.exception.remedy


def test_limit_that_is_no_duration_is_a_wrong_call(world: World) -> None:
    done = call(world, "maintain", "alpha", "compute1", "--limit", "soon")
    assert done.exit_code == 2
    assert calls(world) == []


# A node is a word of the tool's, or a folder; every call goes to `told`.
SSH = """#!/bin/bash
while [[ $1 == -* ]]; do [[ $1 == -F ]] && shift; shift; done
node=$1; shift
[[ $1 == -- ]] && shift
cd "$NODES"
read -ra word <<<"$*"
case "$*" in
*moves.py*' empty '*) echo "empty ${word[3]}" >>told; cat "said-${word[3]}" ;;
*moves.py*' back '*) echo "back ${word[3]}" >>told ;;
*proc/1/stat*) cat "$node" ;;
*'systemctl reboot'*) echo "boot $node" >>told; echo again >>"$node" ;;
*is-system-running*) echo running ;;
esac
"""
FILE = """name: test
networks: {lan: {cidr: 10.9.0.0/24}}
nodes: {salt: {roles: [master], at: 10}, compute: {roles: [hypervisor], count: 2, at: 11}}
"""


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = ssh_is(SSH, tmp_path, monkeypatch)
    for name in ("salt", "compute1", "compute2"):
        (folder / name).write_text("first\n")
        (folder / f"said-{name}").write_text("\n".join(map(json.dumps, LEFT)))
    return folder


@pytest.fixture
def inventory(tmp_path: Path, nodes: Path) -> Inventory:
    return inventory_of(FILE, tmp_path)


def told(nodes: Path) -> list[str]:
    return (nodes / "told").read_text().splitlines()


def test_hypervisor_is_emptied_before_it_boots_and_used_again_after(
    inventory: Inventory, nodes: Path
) -> None:
    reboot_step(inventory, [inventory.host("compute1")], 60, Silent())
    assert told(nodes) == ["empty compute1", "boot compute1", "back compute1"]


def test_hypervisor_that_somebody_closed_stays_closed(inventory: Inventory, nodes: Path) -> None:
    (nodes / "said-compute1").write_text(json.dumps({"closed": False}))
    reboot_step(inventory, [inventory.host("compute1")], 60, Silent())
    assert told(nodes) == ["empty compute1", "boot compute1"]


def test_no_node_of_a_step_boots_where_an_instance_cannot_move(
    inventory: Inventory, nodes: Path
) -> None:
    stays = {"stays": "old (id-2)", "why": "its status is RESCUE"}
    (nodes / "said-compute2").write_text("\n".join(map(json.dumps, [*LEFT, stays])))
    both = [inventory.host("compute1"), inventory.host("compute2")]
    with pytest.raises(DeployKitError, match=r"old \(id-2\): its status is RESCUE") as caught:
        reboot_step(inventory, both, 60, Silent())
    assert "--with-instances" in caught.value.remedy
    assert sorted(told(nodes)) == [
        "back compute1", "back compute2", "empty compute1", "empty compute2"
    ]  # fmt: skip


def test_node_that_is_no_hypervisor_just_boots(inventory: Inventory, nodes: Path) -> None:
    reboot_step(inventory, [inventory.host("salt")], 60, Silent())
    assert told(nodes) == ["boot salt"]


def test_with_instances_hypervisors_boot_as_they_are(inventory: Inventory, nodes: Path) -> None:
    reboot_step(inventory, [inventory.host("compute1")], None, Silent())
    assert told(nodes) == ["boot compute1"]
