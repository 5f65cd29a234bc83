from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from deploykit.base.errors import Refused
from deploykit.base.processes import Process, this_process
from deploykit.ledger import Ledger, utc_now, view
from deploykit.ledger.bodies import signers_body
from deploykit.ledger.kinds import Body
from deploykit.site import Site
from deploykit.site.keys import Key
from deploykit.train.lease import begin
from ledgerbook import Keys, Named, know, other_state, release, signer

ONE, TWO = release(1), release(2)
ELSEWHERE = Process("bob", "elsewhere", 4711, "boot:1")
CONTAINER = ("unshare", "--pid", "--fork", "--mount-proc")
ANN = Process("ann", "desk", 99, "boot:2")

# A process that promotes: says who it is, and either wins and waits, or is refused.
PROMOTER = """
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from deploykit.base.errors import Refused
from deploykit.site.keys import read_key
from deploykit.ledger import Ledger
from deploykit.train.lease import begin
from deploykit.base.processes import this_process
from deploykit.site import open_site

@dataclass
class Named:
    digest: str
    version: str

folder, remote, genesis, state, key, digest, version = sys.argv[1:]
site = replace(open_site(Path(folder)), ledger=remote, genesis=genesis, state=Path(state))
ledger = Ledger.open(site, read_key(Path(key)))
print("ready", this_process().pid, flush=True)
sys.stdin.readline()
try:
    lease = begin(ledger, Named(digest, version), "test", "deploy")
    print("won", flush=True)
    sys.stdin.readline()
    lease.finish()
except Refused as error:
    print("refused", error.message.replace("\\n", " "), flush=True)
"""


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(autouse=True)
def _released(ledger: Ledger) -> None:
    know(ledger, ONE, TWO)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def promoter(site: Site, state: str, key: Key, what: Named, *within: str) -> subprocess.Popen[str]:
    """A process that promotes `what`, started by the words `within`."""
    place = other_state(site, state)
    words = [place.folder, place.ledger, place.genesis, place.state, key.file]
    words += [what.digest, what.version]
    return subprocess.Popen(
        [*within, sys.executable, "-c", PROMOTER, *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def tell(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def hear(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def test_of_two_promoters_at_once_one_wins_and_the_other_is_told_who(
    site: Site, ledger: Ledger, ann: Key
) -> None:
    children = [promoter(site, name, ann, ONE) for name in ("b", "c")]
    try:
        pids = [hear(child).split()[1] for child in children]
        for child in children:
            tell(child)
        heard = [hear(child) for child in children]
        assert sorted(words.split()[0] for words in heard) == ["refused", "won"]
        winner = heard.index("won")
        assert f"process {pids[winner]}" in heard[1 - winner]
        assert "its lease lasts until" in heard[1 - winner]
        phases = [r.body["phase"] for r in ledger.fetch_records() if r.kind == "deploy"]
        assert phases == ["started"]
        tell(children[winner])
        assert [child.wait(30) for child in children] == [0, 0]
        runs = view.running(ledger.fetch_records(), "test")
        assert runs is not None and runs.digest == ONE.digest
    finally:
        for child in children:
            child.kill()
            child.communicate()


def test_promoter_in_another_container_takes_nothing_over_from_one_that_lives(
    site: Site, ledger: Ledger, ann: Key
) -> None:
    """Same host name, other pid namespace: there the number of the first one is nobody's."""
    first = promoter(site, "b", ann, ONE)
    other = promoter(site, "c", ann, TWO, *CONTAINER)
    try:
        for child in (first, other):
            hear(child)
            tell(child)
            said = hear(child)
        assert said.startswith("refused") and "has been deploying 2026.47.1" in said
        tell(first)
        assert first.wait(30) == 0
    finally:
        for child in (first, other):
            child.kill()
            child.communicate()


def test_killed_promoter_of_this_host_is_taken_over_at_once(
    site: Site, ledger: Ledger, ann: Key
) -> None:
    child = promoter(site, "b", ann, ONE)
    hear(child)
    tell(child)
    assert hear(child) == "won"
    with pytest.raises(Refused, match=f"process {child.pid}"):
        begin(ledger, ONE, "test", "deploy")
    child.kill()
    child.communicate()
    lease = begin(ledger, ONE, "test", "deploy")
    assert lease.resumed and lease.owner == this_process()
    lease.finish()
    found = view.attempts(ledger.known, "test")
    assert [attempt.phase for attempt in found] == ["finished"]


def test_promoter_of_another_host_is_taken_over_when_its_lease_is_over(
    site: Site, ann: Key, clock: Clock
) -> None:
    ledger = Ledger.open(site, ann, clock)
    lost = begin(ledger, ONE, "test", "deploy", ELSEWHERE, length=timedelta(minutes=3))
    clock.now += timedelta(minutes=3, seconds=-1)
    with pytest.raises(Refused, match="bob@elsewhere"):
        begin(ledger, ONE, "test", "deploy")
    clock.now += timedelta(seconds=1)
    lease = begin(ledger, ONE, "test", "deploy")
    assert lease.resumed and lease.id == lost.id
    for word in (lost.renew, lost.finish, lambda: lost.fail("x")):
        with pytest.raises(Refused, match="taken over by"):
            word()
    lease.finish()
    with pytest.raises(Refused, match="has ended"):
        lost.renew()


def test_renewed_lease_is_not_taken_over(site: Site, ann: Key, clock: Clock) -> None:
    ledger = Ledger.open(site, ann, clock)
    lease = begin(ledger, ONE, "test", "deploy", ELSEWHERE, length=timedelta(minutes=3))
    clock.now += timedelta(minutes=2)
    lease.renew()
    clock.now += timedelta(minutes=2)
    with pytest.raises(Refused, match="bob@elsewhere"):
        begin(ledger, TWO, "test", "deploy")


def test_other_release_supersedes_what_was_left(site: Site, ann: Key, clock: Clock) -> None:
    ledger = Ledger.open(site, ann, clock)
    lost = begin(ledger, ONE, "test", "deploy", ELSEWHERE, length=timedelta(minutes=3))
    clock.now += timedelta(minutes=4)
    lease = begin(ledger, TWO, "test", "deploy")
    assert not lease.resumed and lease.id != lost.id and lease.over is None
    with pytest.raises(Refused, match="taken over"):
        lost.finish()
    lease.finish()
    runs = view.running(ledger.known, "test")
    assert runs is not None and runs.digest == TWO.digest


def test_words_of_a_process_that_lost_its_lease_do_not_count(
    site: Site, ann: Key, clock: Clock
) -> None:
    ledger = Ledger.open(site, ann, clock)
    lost = begin(ledger, ONE, "test", "deploy", ELSEWHERE, length=timedelta(minutes=3))
    clock.now += timedelta(minutes=4)
    begin(ledger, ONE, "test", "deploy", ANN)
    started = next(record for record in ledger.known if record.kind == "deploy")
    body = {**started.body, "phase": "finished", "owner": lost.owner.as_json()}
    ledger.append(lambda records, now: Body("deploy", body))
    assert view.running(ledger.known, "test") is None
    found = view.in_flight(ledger.known, "test")
    assert found is not None and found.owner == ANN


def test_rollback_needs_that_the_release_ran_there(ledger: Ledger) -> None:
    begin(ledger, ONE, "test", "deploy").finish()
    with pytest.raises(Refused, match="never ran"):
        begin(ledger, TWO, "test", "rollback")
    begin(ledger, TWO, "test", "deploy").finish()
    before = view.previous(ledger.known, "test")
    assert before is not None and before.digest == ONE.digest
    begin(ledger, ONE, "test", "rollback").finish()
    runs = view.running(ledger.known, "test")
    assert runs is not None and runs.digest == ONE.digest


def test_refusal_names_every_reason_at_once(ledger: Ledger) -> None:
    with pytest.raises(Refused) as error:
        begin(ledger, ONE, "production", "promote")
    for words in ("staging runs nothing yet", "smoke", "idempotence", "bootstrap"):
        assert words in error.value.message
    assert error.value.exit_code == 1


def test_signer_without_operator_role_cannot_begin(site: Site, ledger: Ledger, keys: Keys) -> None:
    bob = keys("bob@there")
    ledger.append(lambda r, n: signers_body((signer(ledger.key), signer(bob, "approver"))))
    with pytest.raises(Exception, match="no role that may write 'deploy'"):
        begin(Ledger.open(other_state(site, "bobs"), bob), ONE, "test", "deploy")


def test_lease_in_the_ledger_is_plain_json(ledger: Ledger) -> None:
    begin(ledger, ONE, "test", "deploy")
    body = ledger.known[-1].body
    assert json.loads(json.dumps(dict(body))) == body
    assert replace(this_process()).as_json() == body["owner"]
