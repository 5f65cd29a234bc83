"""Settings: refused before anything is touched, brought to the master, on record, on the board."""

from __future__ import annotations

import json
from typing import Any

import pytest
from deploykit.base.errors import InputError
from deploykit.board import board
from deploykit.board.as_json import board_json
from deploykit.ledger.view import attempts
from deploykit.site.description import environment_digest
from trainworld import Build, World, git

LINE = {"alpha": None}
KEYSTONE = "keystone: {processes: 2, token_expiration: 3600}\n"
DEFAULTS = "---\nhardening_umask: '027'\n"


def world_with_settings(build: Build) -> World:
    """A world whose content has tunables of its pillar and of day 0."""
    world = build(LINE)
    checkout = world.folder / "checkout"
    for path, text in {
        "salt/pillar/keystone.sls": KEYSTONE,
        "salt/pillar/settings.sls": "{{ pillar.settings | json }}\n",
        "ansible/roles/hardening/defaults/main.yml": DEFAULTS,
    }.items():
        (checkout / path).parent.mkdir(parents=True, exist_ok=True)
        (checkout / path).write_text(text)
    git(checkout, "add", ".")
    return world


def environment_says(world: World, text: str) -> None:
    """Have the file of alpha say `text` at its end, beside what it said first."""
    file = world.site.folder / "environments" / "alpha.yml"
    first = file.read_text().partition("settings:")[0]
    file.write_text(first + (f"settings: {text}\n" if text else ""))


def pillar(world: World) -> dict[str, Any]:
    """What the master has for the node `region`."""
    file = world.node("alpha", "salt") / "srv" / "environment" / "pillar" / "region.json"
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def standing(world: World) -> dict[str, Any]:
    (line,) = board_json(board(world.site, world.records))
    return line


def test_settings_come_to_the_master_and_their_digest_on_record(build: Build) -> None:
    world = world_with_settings(build)
    environment_says(world, "{keystone: {processes: 8}}")
    world.deploy(world.release(), "alpha")
    assert pillar(world)["settings"] == {"keystone": {"processes": 8}}
    digest = environment_digest(world.site.environment("alpha"))
    deploys = [record.body for record in world.records if record.kind == "deploy"]
    assert {body["environment_digest"] for body in deploys} == {digest}
    assert {body["phase"] for body in deploys} == {"started", "finished"}
    assert standing(world)["differs_from_files"] is False


@pytest.mark.parametrize(
    ("setting", "key"),
    [("keystone: {proceses: 8}", "keystone.proceses"), ("day0: {hardening_mask: 1}", "day0.")],
)
def test_unknown_key_is_refused_before_anything_is_touched_or_recorded(
    build: Build, setting: str, key: str
) -> None:
    world = world_with_settings(build)
    release = world.release()
    environment_says(world, f"{{{setting}}}")
    records, before = len(world.records), world.standing()
    with pytest.raises(InputError) as caught:
        world.deploy(release, "alpha")
    file = world.site.folder / "environments" / "alpha.yml"
    line = len(file.read_text().splitlines())
    assert caught.value.message.startswith(f"{file}:{line}: {key}")
    assert f"release {release.version}" in caught.value.message
    assert len(world.records) == records
    assert {**world.standing(), "files": []} == {**before, "files": []}  # it was unpacked here


def test_changed_files_are_seen_and_brought_about_by_a_train_of_the_same_release(
    build: Build,
) -> None:
    world = world_with_settings(build)
    release = world.release()
    world.deploy(release, "alpha")
    environment_says(world, "{keystone: {processes: 8}}")
    assert standing(world)["differs_from_files"] is True
    world.train(release, "alpha")
    assert pillar(world)["settings"] == {"keystone": {"processes": 8}}
    assert standing(world)["differs_from_files"] is False
    tried = len(attempts(world.records, "alpha"))
    world.train(release, "alpha")
    assert len(attempts(world.records, "alpha")) == tried == 2


def test_setting_of_day_0_runs_day_0_again(build: Build) -> None:
    world = world_with_settings(build)
    release = world.release()
    inventory = world.up("alpha")
    world.deploy(release, "alpha")
    mark = (inventory.folder / "day0").read_text()
    environment_says(world, "{keystone: {processes: 8}}")
    world.deploy(release, "alpha")
    assert (inventory.folder / "day0").read_text() == mark
    environment_says(world, "{day0: {hardening_umask: '022'}}")
    world.deploy(release, "alpha")
    assert (inventory.folder / "day0").read_text() != mark


def test_going_back_leaves_out_what_the_older_release_does_not_know(build: Build) -> None:
    world = world_with_settings(build)
    old = world.release()
    world.deploy(old, "alpha")
    more = KEYSTONE.replace("}", ", threads: 1}")
    (world.folder / "checkout/salt/pillar/keystone.sls").write_text(more)
    new = world.release()
    environment_says(world, "{keystone: {processes: 8, threads: 4}}")
    with pytest.raises(InputError, match=r"keystone\.threads: unknown key"):
        world.deploy(old, "alpha")
    world.deploy(new, "alpha")
    assert pillar(world)["settings"] == {"keystone": {"processes": 8, "threads": 4}}
    assert world.rollback("alpha") == old
    assert pillar(world)["settings"] == {"keystone": {"processes": 8}}
    assert standing(world)["differs_from_files"] is False


def test_deploy_of_before_digests_tells_nothing_of_differences(build: Build) -> None:
    world = world_with_settings(build)
    world.deploy(world.release(), "alpha")
    records = tuple(world.records)
    for record in records:
        if record.kind == "deploy":
            record.body["environment_digest"] = None
    (line,) = board(world.site, records)
    assert line.differs is None
