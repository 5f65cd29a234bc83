"""The check `rollback`: the way back rehearsed on a copy, recorded, and asked for by policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from deploykit.base.errors import Refused
from deploykit.checks import FAILED, Outcome
from deploykit.ledger.bodies import Rehearsed, decision_body
from deploykit.ledger.view import Evidence, evidence
from deploykit.site.going_back import RollbackClass
from trainworld import World, build_world

LINE = {"alpha": None, "omega": "rollback: {}"}
ZED, ANTELOPE = {"keystone": "zed"}, {"keystone": "antelope"}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = build_world(tmp_path / "world", monkeypatch, LINE)
    world.with_database("omega")
    return world


def rehearsals(world: World) -> list[Evidence]:
    return list(evidence(world.records, check="rollback"))


@pytest.mark.parametrize(
    ("schemas", "kind"), [(ZED, RollbackClass.REVERSIBLE), (ANTELOPE, RollbackClass.RESTORE)]
)
def test_rehearsal_goes_there_and_back_on_a_copy_and_records_class_and_seconds(
    world: World, schemas: Any, kind: RollbackClass
) -> None:
    older, newer = world.release(schemas=ZED), world.release(schemas=schemas)
    world.train(older)
    assert rehearsals(world) == []  # nothing runs there: nothing to go back to
    world.write("omega", "before;")
    world.train(newer)
    (found,) = rehearsals(world)
    assert (found.environment, found.copy, found.result) == ("omega", True, "passed")
    assert (found.release, found.over) == (newer.digest, older.digest)
    assert found.rollback is not None and found.rollback.kind == kind
    assert found.rollback.seconds is not None  # to a tenth: nothing takes long on these nodes
    assert 0 <= found.rollback.seconds <= found.seconds + 0.1
    assert found.summary.startswith(f"{kind}, back in ")
    assert world.runs("omega") == newer.version
    assert [str(one) for one in world.provider.instances()] == ["alpha", "omega"]
    # The deployment itself keeps what the rehearsal brought back on its copy.
    assert len(world.backups("omega")) == (kind == RollbackClass.RESTORE)


def test_release_before_that_fails_after_going_back_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, newer = world.release(), world.release()
    world.train(older)
    broken = Outcome(FAILED, "it is down", {})
    monkeypatch.setattr("deploykit.checks.rollback.smoke", lambda *words: broken)
    with pytest.raises(Refused, match="fails after going back: it is down"):
        world.train(newer)
    (found,) = rehearsals(world)
    assert found.result == "failed" and f"{older.version} fails after going back" in found.summary
    assert found.rollback == Rehearsed(RollbackClass.REVERSIBLE, None)


def test_edge_without_a_way_back_is_refused_until_somebody_waives(world: World) -> None:
    older = world.release(schemas=ZED)
    newer = world.release(schemas=ANTELOPE, takes={"schema": "forward-only"})
    world.train(older)
    with pytest.raises(Refused, match="forward-only: there is no way back") as refused:
        world.train(newer)
    assert f"deploy-kit waive {newer.version} omega rollback" in refused.value.remedy
    world.ledger.append(
        lambda records, now: decision_body(
            "waive", environment="omega", release=newer.digest, check="rollback", reason="known"
        )
    )
    world.train(newer)
    assert world.runs("omega") == newer.version
