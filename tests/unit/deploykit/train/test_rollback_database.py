"""Going back with the database of before: what a deployment keeps for that, and what is refused."""

from __future__ import annotations

import pytest
from deploykit.base.errors import DeployKitError, Refused
from deploykit.release import Release
from deploykit.rollout import RolloutFailed
from deploykit.train.rollback import go_back, plan_rollback
from trainworld import Build, World

LINE = {"alpha": None}
ZED, ANTELOPE = {"keystone": "zed"}, {"keystone": "antelope"}


@pytest.fixture
def world(build: Build) -> World:
    """An environment with a database, that nothing was deployed to."""
    world = build(LINE)
    world.with_database("alpha")
    return world


@pytest.fixture
def moved(world: World) -> tuple[Release, Release]:
    """Two releases that were deployed one after the other; with the second the schema moved."""
    older, newer = world.release(schemas=ZED), world.release(schemas=ANTELOPE)
    world.deploy(older, "alpha")
    world.write("alpha", "before;")
    world.deploy(newer, "alpha")
    world.write("alpha", "after;")
    return older, newer


def test_deployment_that_moves_a_schema_keeps_the_database_before_it_changes_anything(
    world: World, moved: tuple[Release, Release]
) -> None:
    older, newer = moved
    (backup,) = world.backups("alpha")
    assert backup["held"] == {"data": "before;", "applied": older.hex}
    (begun,) = {r.body["id"] for r in world.records if r.kind == "deploy"
                and r.body["release"] == newer.digest}  # fmt: skip
    assert backup["why"] == f"before {newer.version} (deploy {begun})"


def test_deployment_that_moves_nothing_keeps_no_backup(world: World) -> None:
    for _ in range(2):
        world.deploy(world.release(schemas=ZED), "alpha")
    assert world.backups("alpha") == []


def test_going_back_over_a_schema_says_what_it_takes_and_touches_nothing(
    world: World, moved: tuple[Release, Release]
) -> None:
    records = len(world.records)
    with pytest.raises(Refused, match="takes the database of before") as refused:
        world.rollback("alpha")
    said = refused.value.remedy
    assert "the schema of keystone: zed before, antelope then" in said
    assert "deploy-kit rollback alpha --restore" in said and "is lost" in said
    assert "deploy-kit deploy" not in said
    assert (world.data("alpha"), len(world.records)) == ("before;after;", records)


def test_going_back_with_restore_brings_release_and_data_of_before(
    world: World, moved: tuple[Release, Release]
) -> None:
    older, _ = moved
    assert world.rollback("alpha", restore=True) == older
    assert world.data("alpha") == "before;"
    assert (world.runs("alpha"), world.current("alpha")) == (older.version, older.digest)
    ended = [r.body["summary"] for r in world.records if r.kind == "deploy"][-1]
    assert ", with the database of 20" in ended


def test_without_its_backup_restore_is_refused_by_name(
    world: World, moved: tuple[Release, Release]
) -> None:
    (world.node("alpha", "region") / "backups.json").unlink()
    _, newer = moved
    for restore in (True, False):
        with pytest.raises(Refused, match=f"of before {newer.version}, and there is no backup"):
            world.rollback("alpha", restore=restore)
    assert (world.data("alpha"), world.current("alpha")) == ("before;after;", newer.digest)


def test_restore_where_nothing_moved_is_refused(world: World) -> None:
    for _ in range(2):
        world.deploy(world.release(schemas=ZED), "alpha")
    with pytest.raises(Refused, match="nothing that only its database of before") as refused:
        world.rollback("alpha", restore=True)
    assert "deploy-kit rollback alpha" in refused.value.remedy


@pytest.mark.parametrize(
    ("takes", "backups"), [({"schema": "reversible"}, 0), ({"schema": "forward-only"}, 0)]
)
def test_what_the_content_declares_counts(
    world: World, takes: dict[str, str], backups: int
) -> None:
    older = world.release(schemas=ZED)
    newer = world.release(schemas=ANTELOPE, takes=takes)
    for release in (older, newer):
        world.deploy(release, "alpha")
    assert len(world.backups("alpha")) == backups
    if takes["schema"] == "reversible":
        assert world.rollback("alpha") == older
    else:
        with pytest.raises(Refused, match="is forward-only"):
            world.rollback("alpha", restore=True)


def test_failed_deployment_that_moved_a_schema_is_gone_back_from_with_its_backup(
    world: World,
) -> None:
    older = world.release(schemas=ZED)
    bad = world.release(schemas=ANTELOPE, failed="db-sync")
    world.deploy(older, "alpha")
    world.write("alpha", "before;")
    for _ in range(2):  # what the second attempt would keep is migrated already
        with pytest.raises(RolloutFailed):
            world.deploy(bad, "alpha")
        world.write("alpha", "migrated;")
    with pytest.raises(Refused, match="takes the database of before") as refused:
        world.rollback("alpha")
    assert f"deploy-kit deploy {older.version} alpha" in refused.value.remedy
    assert len(world.backups("alpha")) == 1
    assert world.rollback("alpha", restore=True) == older
    assert world.data("alpha") == "before;"


def test_deployment_that_cannot_keep_the_database_changes_nothing_and_is_gone_back_from_as_ever(
    world: World,
) -> None:
    older, newer = world.release(schemas=ZED), world.release(schemas=ANTELOPE)
    world.deploy(older, "alpha")
    world.write("alpha", "before;")
    (world.node("alpha", "region") / "full").touch()
    with pytest.raises(DeployKitError, match=r"no backup can be taken: .*no space left"):
        world.deploy(newer, "alpha")
    standing = world.standing()
    assert standing["applied"] == standing["current"] == {"alpha": older.digest}
    assert world.rollback("alpha") == older
    assert world.data("alpha") == "before;"


def test_release_that_came_a_second_time_is_gone_back_from_with_its_second_backup(
    world: World, moved: tuple[Release, Release]
) -> None:
    _, newer = moved
    world.rollback("alpha", restore=True)
    world.write("alpha", "between;")
    world.deploy(newer, "alpha")
    world.write("alpha", "after;")
    world.rollback("alpha", restore=True)
    assert world.data("alpha") == "before;between;"


def test_going_back_over_two_releases_takes_the_database_of_before_the_one_that_moved_it(
    world: World,
) -> None:
    oldest, middle = world.release(schemas=ZED), world.release(schemas=ANTELOPE)
    newest = world.release(schemas=ANTELOPE)
    for release in (oldest, middle, newest):
        world.write("alpha", f"{release.version};")
        world.deploy(release, "alpha")
    assert world.rollback("alpha") == middle  # nothing moved between these
    assert world.rollback("alpha", oldest, restore=True) == oldest
    assert world.data("alpha") == f"{oldest.version};{middle.version};"


def test_release_of_a_rollback_that_ended_is_not_gone_back_from_again(
    world: World, moved: tuple[Release, Release]
) -> None:
    first, _ = moved
    world.rollback("alpha", restore=True)
    third = world.release(schemas=ZED)
    world.deploy(third, "alpha")
    assert world.rollback("alpha") == first


def test_deployment_between_plan_and_going_back_keeps_its_data(
    world: World, moved: tuple[Release, Release]
) -> None:
    _, newer = moved
    with world.work() as work:
        environment = work.site.environment("alpha")
        plan = plan_rollback(work, world.ledger, environment, restore=True)
        world.deploy(newer, "alpha")
        with pytest.raises(DeployKitError, match="somebody deployed there meanwhile"):
            go_back(work, world.ledger, environment, plan)
    assert world.data("alpha") == "before;after;"


def test_release_before_that_cannot_be_looked_at_is_deployed_over_with_a_backup(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, newer = world.release(schemas=ZED), world.release(schemas=ZED)
    world.deploy(older, "alpha")
    world.write("alpha", "before;")

    def gone(*words: object) -> None:
        raise DeployKitError("its pins are not here")

    monkeypatch.setattr("deploykit.train.way_back.build_release", gone)
    world.deploy(newer, "alpha")
    assert [backup["held"]["data"] for backup in world.backups("alpha")] == ["before;"]
