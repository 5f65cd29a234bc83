"""Nodes that are missing: left out by name, kept in everything, on record, caught up later."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from deploykit.base.console import for_tables
from deploykit.base.errors import NodeUnreachable, Refused
from deploykit.board import board
from deploykit.board.as_json import board_json
from deploykit.board.terminal import print_board
from deploykit.ledger.kinds import KINDS
from deploykit.ledger.view import evidence, running
from deploykit.site.instance import Instance
from trainworld import FAILS, Build, World, applied

LINE = {"alpha": None, "beta": "smoke: {}, idempotence: {}"}
COMPUTES = "  compute: {roles: [hypervisor], count: 4, at: 20}\n"
ALLOWED = "allow_missing: {hypervisor: 25%}"


def world_with_computes(build: Build, allowed: str = ALLOWED) -> World:
    """A line of two environments with four hypervisors each, of which one may be missing."""
    world = build(LINE)
    for file in (world.site.folder / "environments").iterdir():
        text = file.read_text().replace("nodes:\n", f"nodes:\n{COMPUTES}")
        if file.stem == "alpha":
            text += f"promotion: {{{allowed}}}\n"
        else:
            text = text.replace("checks:", f"{allowed}, checks:" if allowed else "checks:")
        file.write_text(text)
        world.up(file.stem)
    return world


def maintain(world: World, name: str, *nodes: str) -> None:
    """Have the file of the environment `name` say that `nodes` are in maintenance."""
    file = world.site.folder / "environments" / f"{name}.yml"
    first = re.sub(r"maintenance: .*\n", "", file.read_text())
    file.write_text(first + (f"maintenance: [{', '.join(nodes)}]\n" if nodes else ""))


def power_off(world: World, name: str, node: str) -> None:
    world.provider.power_off(Instance(name), node)


def runs(world: World, name: str, node: str) -> str | None:
    return applied(world.node(name, node))


def last_deploy(world: World) -> Any:
    return [record.body for record in world.records if record.kind == "deploy"][-1]


def standing(world: World, name: str) -> dict[str, Any]:
    return next(
        line for line in board_json(board(world.site, world.records)) if line["environment"] == name
    )


def test_silent_node_within_the_limit_is_left_out_and_named_on_record(build: Build) -> None:
    world = world_with_computes(build)
    old, new = world.release(), world.release()
    world.deploy(old, "alpha")
    power_off(world, "alpha", "compute3")
    world.deploy(new, "alpha")
    assert world.current("alpha") == new.digest
    assert runs(world, "alpha", "compute3") == old.digest
    for node in ("region", "compute1", "compute2", "compute4"):
        assert runs(world, "alpha", node) == new.digest
    body = last_deploy(world)
    assert (body["phase"], body["left_out"]) == ("finished", {"compute3": "no answer"})
    assert "finished, without compute3 (no answer)" in KINDS["deploy"].words(body, str)


def test_node_in_maintenance_is_left_out_though_it_answers(build: Build) -> None:
    world = world_with_computes(build)
    old, new = world.release(), world.release()
    world.deploy(old, "alpha")
    maintain(world, "alpha", "compute2")
    world.deploy(new, "alpha")
    assert runs(world, "alpha", "compute2") == old.digest
    assert last_deploy(world)["left_out"] == {"compute2": "maintenance"}


def test_missing_node_keeps_its_pillar_and_stays_known_to_all_others(build: Build) -> None:
    world = world_with_computes(build)
    world.deploy(world.release(), "alpha")
    power_off(world, "alpha", "compute3")
    world.deploy(world.release(), "alpha")
    folder = world.node("alpha", "salt") / "srv" / "environment" / "pillar"
    assert (folder / "compute3.json").is_file()
    others = json.loads((folder / "compute1.json").read_text())
    assert "compute3" in others["environment"]["nodes"]  # rights, firewall and names follow it


@pytest.mark.parametrize("allowed", ["", "allow_missing: {hypervisor: 24%}"])
def test_more_than_policy_allows_fails_before_anything_is_on_record(
    build: Build, allowed: str
) -> None:
    world = world_with_computes(build, allowed)
    old, new = world.release(), world.release()
    world.deploy(old, "alpha")
    power_off(world, "alpha", "compute3")
    records = len(world.records)
    with pytest.raises(NodeUnreachable, match="1 node does not answer: compute3") as caught:
        world.deploy(new, "alpha")
    assert "policy allows none" in caught.value.message
    assert len(world.records) == records
    assert world.current("alpha") == old.digest


def test_edited_file_alone_lets_nobody_be_missing(build: Build) -> None:
    """What counts is policy as an admin signed it."""
    world = world_with_computes(build, "")
    world.deploy(world.release(), "alpha")
    file = world.site.folder / "environments" / "alpha.yml"
    file.write_text(file.read_text().replace("promotion: {}", f"promotion: {{{ALLOWED}}}"))
    maintain(world, "alpha", "compute1")
    with pytest.raises(Refused, match="policy allows none") as caught:
        world.deploy(world.release(), "alpha")
    assert "allow_missing" in caught.value.remedy


def test_node_that_every_release_needs_is_never_left_out(build: Build) -> None:
    world = world_with_computes(build, "allow_missing: {hypervisor: 1, identity: 1}")
    world.deploy(world.release(), "alpha")
    maintain(world, "alpha", "region")
    with pytest.raises(Refused, match="needs every node with the role 'identity'"):
        world.deploy(world.release(), "alpha")


def test_node_that_is_back_is_caught_up_by_the_same_release_and_status_says_so(
    build: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    world = world_with_computes(build)
    world.deploy(world.release(), "alpha")
    power_off(world, "alpha", "compute3")
    new = world.release()
    world.deploy(new, "alpha")
    assert standing(world, "alpha")["left_out"] == {"compute3": "no answer"}
    print_board(world.site, world.records, for_tables())
    said = " ".join(capsys.readouterr().out.split())
    assert "Left out alpha: compute3 (no answer); caught up when they are back:" in said
    assert f"deploy-kit deploy {new.version} alpha" in said
    world.train(new, "alpha")  # it is not back yet, so there is nothing to do
    deploys = len([one for one in world.records if one.kind == "deploy"])
    world.up("alpha")
    world.train(new, "alpha")
    assert runs(world, "alpha", "compute3") == new.digest
    assert standing(world, "alpha")["left_out"] == {}
    assert len([one for one in world.records if one.kind == "deploy"]) == deploys + 2
    assert world.runs("alpha") == new.version


def test_day_0_runs_again_for_a_node_that_it_left_out_and_only_then(build: Build) -> None:
    world = world_with_computes(build)
    inventory = world.up("alpha")
    mark = inventory.folder / "day0"
    power_off(world, "alpha", "compute3")
    release = world.release()
    world.deploy(release, "alpha")
    key, *left_out = mark.read_text().split("\n")
    assert left_out == ["compute3"]
    assert not (world.node("alpha", "compute3") / "etc").exists()
    written = mark.stat().st_mtime_ns
    world.deploy(release, "alpha")
    assert mark.stat().st_mtime_ns == written  # the same ones are there
    world.up("alpha")
    world.deploy(release, "alpha")
    assert mark.read_text() == key
    assert (world.node("alpha", "compute3") / "etc").exists()


def test_deployment_with_a_node_missing_is_evidence_that_says_so_and_counts(build: Build) -> None:
    world = world_with_computes(build)
    old, new = world.release(), world.release()
    world.train(old)
    power_off(world, "alpha", "compute4")
    world.train(new)
    assert world.runs("beta") == new.version
    found = evidence(world.records, release=new.digest, environment="alpha")
    assert {one.check for one in found} == {"smoke", "upgrade", "idempotence"}
    assert all(one.summary.endswith("; without compute4 (no answer)") for one in found)


def test_node_that_is_back_but_not_caught_up_is_not_looked_at(build: Build) -> None:
    """It runs the release before: what a check found there would be said of the new one."""
    world = world_with_computes(build)
    old, new = world.release(), world.release()
    world.train(old)
    power_off(world, "alpha", "compute4")
    world.deploy(new, "alpha")
    world.up("alpha")
    with world.work() as work:
        from deploykit.train.line import gather

        environments = work.site.environments()
        gather(work, world.ledger, new, environments["beta"], environments)
    (found,) = evidence(world.records, release=new.digest, check="idempotence")
    assert found.summary.endswith("; without compute4 (runs the release before)")


def test_node_lost_in_the_middle_is_a_failure_as_ever(build: Build) -> None:
    world = world_with_computes(build)
    old, new = world.release(), world.release()
    world.deploy(old, "alpha")
    (world.node("alpha", "salt") / "lose").write_text("")
    with pytest.raises(NodeUnreachable):
        world.deploy(new, "alpha")
    assert last_deploy(world)["phase"] == "failed"
    assert world.current("alpha") == old.digest


def test_failed_state_is_a_failure_though_a_node_is_missing(build: Build) -> None:
    world = world_with_computes(build)
    old = world.release()
    world.deploy(old, "alpha")
    power_off(world, "alpha", "compute1")
    with pytest.raises(Exception, match="smoke test fails"):
        world.deploy(world.release(smoke=FAILS), "alpha")
    (found,) = [one for one in evidence(world.records, check="smoke") if one.result == "failed"]
    assert "without compute1 (no answer)" in found.summary


def test_rollback_leaves_out_who_is_missing_too(build: Build) -> None:
    world = world_with_computes(build)
    old, new = world.release(), world.release()
    world.deploy(old, "alpha")
    world.deploy(new, "alpha")
    maintain(world, "alpha", "compute1")
    world.rollback("alpha")
    now = running(world.records, "alpha")
    assert now is not None
    assert (now.digest, now.left_out) == (old.digest, {"compute1": "maintenance"})
    assert runs(world, "alpha", "compute1") == new.digest


def test_first_deployment_with_a_node_missing_proves_no_bootstrap(build: Build) -> None:
    world = world_with_computes(build)
    power_off(world, "alpha", "compute1")
    world.deploy(world.release(), "alpha")
    assert not evidence(world.records, check="bootstrap")
