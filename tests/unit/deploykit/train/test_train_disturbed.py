"""Whatever step of a train is killed or fails: the second call ends as the undisturbed one does."""

from __future__ import annotations

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


@pytest.mark.parametrize(
    "how",
    [
        KILLED_AFTER,
        FAILS_BEFORE,
        pytest.param(KILLED_BEFORE, marks=pytest.mark.lengthy),
        pytest.param(KILLED_WITHIN, marks=pytest.mark.lengthy),
        pytest.param(FAILS_AFTER, marks=pytest.mark.lengthy),
    ],
)
@pytest.mark.timeout(1800)  # some fifty trains, on a machine that may be busy
def test_second_call_ends_in_the_state_of_the_undisturbed_run(
    start: tuple[World, Release], how: str, tmp_path: Path
) -> None:
    world, release = start
    kept, told = tmp_path / "kept", tmp_path / "told"
    world.save(kept)
    world.train(release)
    undisturbed, evidence = world.standing(), required(world)
    for when in range(1, LIMIT):
        world.bring_back(kept)
        told.unlink(missing_ok=True)
        step = Disturbance(how, when, told)
        first = world.apart(partial(disturbed_train, world, release, step))
        if not told.exists():
            assert (first.status, when > 10) == (0, True), first
            return
        where = f"{how} {when}: {told.read_text()}; {first.error}"
        assert first.error is None or first.error.startswith("DeployKitError: "), where
        second = world.apart(lambda: world.train(release))
        assert (second.status, second.error) == (0, None), where
        standing = world.standing()
        assert set(standing["files"]) ^ set(undisturbed["files"]) == set(), where
        assert standing == undisturbed, where
        assert evidence <= required(world), where
    raise AssertionError(f"still going on after {LIMIT} steps")


def disturbed_train(world: World, release: Release, step: Disturbance) -> None:
    step.arm()
    world.train(release)
