"""One deployment at a time, really: whoever is paused, cut off or late changes nothing any more."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from deploykit.base.errors import DeployKitError, NodeUnreachable, Refused
from deploykit.ledger import Ledger
from deploykit.ledger.view import evidence
from deploykit.master.facade import Master
from deploykit.master.session import AgentFailed, MasterSession
from deploykit.release import Release
from deploykit.train import lease_keeper
from deploykit.train.lease_keeper import KeptLease
from disturb import PAUSED_AFTER, PAUSED_BEFORE, Disturbance
from trainworld import Build, World

LENGTH = timedelta(seconds=4)
pytestmark = pytest.mark.lengthy


@pytest.fixture
def world(build: Build, monkeypatch: pytest.MonkeyPatch) -> World:
    """alpha runs a release; leases are short."""
    world = build({"alpha": None})
    world.deploy(world.release(), "alpha")
    monkeypatch.setitem(lease_keeper.keeping_lease.__wrapped__.__kwdefaults__, "length", LENGTH)  # type: ignore[attr-defined]
    return world


@pytest.fixture
def session(world: World) -> Iterator[Callable[[], Master]]:
    """Opens sessions with alpha's master, each with an agent of its own."""
    with ExitStack() as stack:
        inventory = world.up("alpha")

        def opened() -> Master:
            log = world.folder / f"session-{time.monotonic_ns()}"
            return Master(stack.enter_context(MasterSession(inventory, log)))

        yield opened


def test_later_deployment_ends_the_session_of_the_one_before(
    world: World, session: Callable[[], Master]
) -> None:
    current = world.current("alpha")
    assert current is not None
    before, after = session(), session()
    before.fence(100)
    before.make_current(current.removeprefix("sha256:"))
    after.fence(101)
    with pytest.raises(NodeUnreachable):
        before.make_current("0" * 64)
    after.make_current(current.removeprefix("sha256:"))
    late = session()
    with pytest.raises(AgentFailed, match=r"record 100 of the ledger\) was overtaken"):
        late.fence(100)
    # The same deployment may come again: its connection was lost.
    again = session()
    again.fence(101)
    with pytest.raises(NodeUnreachable):
        after.make_current(current.removeprefix("sha256:"))


def test_nobody_else_changes_a_master_that_is_being_deployed_to(
    session: Callable[[], Master],
) -> None:
    deploying, other = session(), session()
    deploying.fence(100)
    with pytest.raises(AgentFailed, match="a deployment is changing this master"):
        other.rotate_secrets([])
    assert other.current() is not None  # looking is free


@pytest.mark.parametrize(
    ("how", "name", "when"),
    [
        (PAUSED_AFTER, "Ledger.append", 1),  # started
        (PAUSED_BEFORE, "MasterSession.call fence", 1),
        (PAUSED_AFTER, "MasterSession.call fence", 1),
        (PAUSED_BEFORE, "MasterSession.call orchestrate", 1),
        (PAUSED_BEFORE, "MasterSession.call current", 1),
        (PAUSED_BEFORE, "Ledger.append", 2),  # finished
        (PAUSED_AFTER, "MasterSession.call current", 1),
    ],
)
def test_paused_deployment_that_was_overtaken_moves_nothing_and_records_no_evidence(
    world: World, tmp_path: Path, how: str, name: str, when: int
) -> None:
    slow, fast = world.release(), world.release()
    told = tmp_path / "told"
    step = Disturbance(how, when, told, name)
    paused = _start(partial(_disturbed_deploy, world, slow, step), tmp_path / "said")
    _, status = os.waitpid(paused, os.WUNTRACED)
    assert os.WIFSTOPPED(status) and told.read_text() == name
    try:
        with pytest.raises(Refused, match="has been deploying"):
            world.deploy(fast, "alpha")
        time.sleep(LENGTH.total_seconds())
        world.deploy(fast, "alpha")
    finally:
        os.kill(paused, signal.SIGCONT)
    assert os.waitstatus_to_exitcode(os.waitpid(paused, 0)[1]) == 1
    assert world.current("alpha") == fast.digest
    assert world.runs("alpha") == fast.version
    assert evidence(world.records, release=slow.digest) == ()
    assert (slow.version, "finished") not in world.phases("alpha")


@pytest.mark.parametrize("reachable", [True, False])
def test_deployment_whose_ledger_is_away_stops_when_its_lease_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch, reachable: bool
) -> None:
    """While the lease lasts it goes on: what was promised counts."""
    release = world.release()
    seconds = 0.0 if reachable else LENGTH.total_seconds() + 0.5
    fetch = Ledger.fetch_records
    away: list[bool] = []

    def fetched(self: Ledger) -> Any:
        if away:
            raise DeployKitError("the ledger is away")
        return fetch(self)

    def lost(self: Master, number: int) -> None:
        away.append(True)
        time.sleep(seconds)

    monkeypatch.setattr(Ledger, "fetch_records", fetched)
    monkeypatch.setattr(Master, "fence", lost)
    before = world.current("alpha")
    with pytest.raises(DeployKitError, match="ran out, and it" if seconds else "ledger is away"):
        world.deploy(release, "alpha")
    away.clear()
    assert (world.current("alpha") == before) == (not reachable)


def _start(work: Callable[[], None], said: Path) -> int:
    """Do `work` in a process of its own; returns its number. It ends with 1 if it raises."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    except BaseException as error:
        said.write_text(f"{type(error).__name__}: {error}")
    finally:
        os._exit(status)


def _disturbed_deploy(world: World, release: Release, step: Disturbance) -> None:
    # A stopped process that renews just then has the ledger's clone locked for all of its host.
    KeptLease.renew = lambda kept: None  # type: ignore[method-assign]
    step.arm()
    world.deploy(release, "alpha")


def test_kit_on_the_master_that_was_changed_is_taken_in_anew(world: World) -> None:
    first, second = world.release(), world.release()
    world.deploy(first, "alpha")
    world.deploy(second, "alpha")
    kits = world.node("alpha", "salt") / "srv" / "kits"
    roles = kits / first.hex / "salt" / "roles.yml"
    good = roles.read_text()
    roles.write_text(f"{good}# changed\n")
    world.rollback("alpha")
    assert roles.read_text() == good
    assert world.current("alpha") == first.digest
    assert not [entry.name for entry in kits.iterdir() if entry.name.startswith(".")]
