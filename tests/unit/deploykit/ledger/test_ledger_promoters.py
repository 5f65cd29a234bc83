"""Many processes that promote the same release at once, as agents of a CI do."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from deploykit.base.errors import Refused
from deploykit.base.waiting import wait_until
from deploykit.ledger import Ledger, view
from deploykit.ledger.bodies import decision_body, policy_body
from deploykit.ledger.schema import Phase, Purpose
from deploykit.ledger.selection import select
from deploykit.site import Site
from deploykit.site.keys import Key
from deploykit.train.lease import begin
from ledgerbook import know, other_state, release, rule

pytestmark = [pytest.mark.lengthy, pytest.mark.timeout(900)]
ONE = release(1)
LINE = ("test", "staging", "production")
PROMOTERS = 32
WANTED = 30.0  # seconds for all of it, on a machine that does nothing else
LONGEST = 800.0


@pytest.fixture(autouse=True)
def checked_by_openssh() -> None:
    """Not here: it would take most of the time."""


@pytest.mark.parametrize("shared", [True, False], ids=["one state", "a state for each"])
def test_one_of_32_promoters_wins_each_step_and_no_record_is_lost(
    site: Site,
    ledger: Ledger,
    ann: Key,
    tmp_path: Path,
    shared: bool,
    record_property: Callable[[str, object], None],
) -> None:
    know(ledger, ONE)
    policy = {"test": rule(), "staging": rule("test"), "production": rule("staging")}
    ledger.append(lambda records, now: policy_body(policy))
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    began = time.monotonic()
    children = []
    for n in range(PROMOTERS):
        place = site if shared else other_state(site, f"machine{n}")
        children.append(promoter(n, place, ann, meeting))
    waited = [os.wait4(child, 0)[1:] for child in children]
    took = time.monotonic() - began
    ended = [os.waitstatus_to_exitcode(status) for status, _ in waited]
    assert ended == [0] * PROMOTERS, [path.read_text() for path in meeting.glob("error-*")]

    records = Ledger.open(other_state(site, "fresh"), ann).reverify()
    for name in LINE:
        (only,) = view.attempts(records, name)
        assert only.phase == Phase.FINISHED and only.purpose == Purpose.PROMOTE
        refused = [path.read_text() for path in meeting.glob(f"refused-{name}-*")]
        assert len(refused) == PROMOTERS - 1
        assert all(f"{only.owner} has been deploying" in text for text in refused)
        approved = select(records, "decision", topics=("approve",), environments=(name,))
        assert sorted(int(one.body["reason"]) for one in approved) == list(range(PROMOTERS))
    # For docs/benchmarks.md; what they used depends less on what else runs here than time does.
    used = sum(usage.ru_utime + usage.ru_stime for _, usage in waited)
    record_property("seconds", round(took, 1))
    record_property("processor_seconds", round(used, 1))
    busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert took < WANTED * busy


def promoter(number: int, site: Site, key: Key, meeting: Path) -> int:
    """Start a process that takes part in all steps; returns its id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        ledger = Ledger.open(site, key)
        for name in LINE:
            step(number, ledger, name, meeting)
        status = 0
    except BaseException:
        (meeting / f"error-{number}").write_text(traceback.format_exc())
    finally:
        os._exit(status)


def step(number: int, ledger: Ledger, name: str, meeting: Path) -> None:
    """Try to promote into `name`, write a record of one's own, and go on when all have done so.

    Who won holds the lease until then.
    """
    lease = None
    try:
        lease = begin(ledger, ONE, name, Purpose.PROMOTE)
    except Refused as error:
        (meeting / f"refused-{name}-{number}").write_text(error.message)
    own = decision_body("approve", environment=name, release=ONE.digest, reason=str(number))
    ledger.append(lambda records, now: own)
    (meeting / f"tried-{name}-{number}").touch()
    if lease is None:
        wait_for(meeting / f"over-{name}")
        return
    for n in range(PROMOTERS):
        wait_for(meeting / f"tried-{name}-{n}")
    lease.finish()
    (meeting / f"over-{name}").touch()


def wait_for(mark: Path) -> None:
    """Wait until another promoter has made that file, or one of them failed."""
    wait_until(lambda: mark.exists() or any(mark.parent.glob("error-*")), LONGEST, pause=0.02)
    assert mark.exists()
