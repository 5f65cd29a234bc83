"""Whatever step of a train is killed or fails: the second call ends as the undisturbed one does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from deploykit.release import Release
from disturb import (
    FAILS_AFTER,
    FAILS_BEFORE,
    KILLED_AFTER,
    KILLED_BEFORE,
    KILLED_WITHIN,
    Disturbance,
)
from trainworld import Build, World

LIMIT = 200  # steps: a train that has more of them never gets through


@pytest.fixture
def start(build: Build) -> tuple[World, Release]:
    """A region that runs one release and shall get the next, which runs in the place before.

    Entry asks for a smoke test there and for a bootstrap, which takes a throwaway copy.
    """
    world = build({"alpha": None, "omega": "smoke: {}, bootstrap: {}"})
    world.train(world.release())
    coming = world.release()
    world.train(coming, "alpha")
    return world, coming


def required(world: World) -> set[Any]:
    """The evidence that entry into omega asks for, and the smoke test of what runs there."""
    return {entry for entry in world.found() if entry[0] in ("smoke", "bootstrap")}


@pytest.fixture
def judge(start: tuple[World, Release], tmp_path: Path) -> Callable[[Disturbance], str | None]:
    """Disturb a train once, call it again and compare; returns None if no step was reached."""
    world, release = start
    kept = tmp_path / "kept"
    world.save(kept)
    world.train(release)
    undisturbed, evidence = world.standing(), required(world)

    def disturb(step: Disturbance) -> str | None:
        world.bring_back(kept)
        step.told.unlink(missing_ok=True)
        first = world.apart(partial(disturbed_train, world, release, step))
        if not step.told.exists():
            assert first.status == 0, first
            return None
        where = f"{step.how} {step.when}: {step.told.read_text()}; {first.error}"
        assert first.error is None or first.error.startswith("DeployKitError: "), where
        second = world.apart(lambda: world.train(release))
        assert (second.status, second.error) == (0, None), where
        standing = world.standing()
        assert set(standing["files"]) ^ set(undisturbed["files"]) == set(), where
        assert standing == undisturbed, where
        assert evidence <= required(world), where
        return where

    return disturb


def disturbed_train(world: World, release: Release, step: Disturbance) -> None:
    step.arm()
    world.train(release)


def test_second_call_mends_what_the_steps_that_count_most_left(
    judge: Callable[[Disturbance], str | None], tmp_path: Path
) -> None:
    for how, name, when in (
        (KILLED_AFTER, "FakeProvider.up", 1),  # a copy is left
        (KILLED_AFTER, "Ledger.append", 2),  # started: the lease of a dead process is left
        (KILLED_AFTER, "MasterSession.call current", 2),  # current, but not finished
        (FAILS_BEFORE, "Ledger.append", 3),  # the same, and recorded as failed
        (KILLED_AFTER, "Ledger.append", 3),  # finished, but not smoke-tested
    ):
        assert judge(Disturbance(how, when, tmp_path / "told", name)), name


@pytest.mark.disturbed
@pytest.mark.parametrize(
    "how", [KILLED_AFTER, FAILS_BEFORE, KILLED_BEFORE, KILLED_WITHIN, FAILS_AFTER]
)
@pytest.mark.timeout(3600)  # some fifty trains, on a machine that may be busy
def test_second_call_ends_in_the_state_of_the_undisturbed_run(
    judge: Callable[[Disturbance], str | None], how: str, tmp_path: Path
) -> None:
    for when in range(1, LIMIT):
        if judge(Disturbance(how, when, tmp_path / "told")) is None:
            assert when > 10
            return
    raise AssertionError(f"still going on after {LIMIT} steps")
