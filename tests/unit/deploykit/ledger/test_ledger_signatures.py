"""Signatures of commits: what is proved in this process, and what ssh-keygen is asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import forgery
import pytest
from deploykit.base.process import Result
from deploykit.ledger import Ledger, signatures
from deploykit.ledger.bodies import decision_body, signers_body
from deploykit.ledger.commits import RawCommit
from deploykit.ledger.kinds import Body
from deploykit.ledger.records import Record
from deploykit.ledger.signatures import Claim, problem_of_signature, with_proofs
from deploykit.site import Site
from deploykit.site.keys import ROLES, Key, Signer
from ledgerbook import Keys, other_state, signer
from sshsigs import Pen, ed25519_pen, rsa_pen

PRINCIPAL = "ann@here"
HOLD = decision_body("hold", environment="test", reason="night")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The programs that signatures start."""
    names: list[str] = []
    real = signatures.run

    def run(argv: Sequence[Any], **more: Any) -> Result:
        names.append(str(argv[0]).rpartition("/")[2])
        return real(argv, **more)

    monkeypatch.setattr(signatures, "run", run)
    return names


def claim(pen: Pen, payload: str = "tree\n\nrecord\n", signed: str | None = None) -> Claim:
    """That `payload` is signed by `pen`, which signed the text `signed`."""
    commit = RawCommit("c" * 40, (), "", "", payload, pen.armoured(signed or payload), "", "{}")
    record = Record(3, datetime(2026, 1, 1, tzinfo=UTC), PRINCIPAL, "decision", {}, "c" * 40)
    return Claim(commit, record, (Signer(PRINCIPAL, pen.line, ROLES),))


def proofs(claims: Sequence[Claim], size: int = 100) -> list[bool]:
    batches = [(claims[start : start + size], start) for start in range(0, len(claims), size)]
    found = list(with_proofs(batches))
    assert [rest for _, _, rest in found] == [start for _, start in batches]
    return [proof for _, proven, _ in found for proof in proven]


def test_records_signed_by_a_usual_key_are_verified_without_a_program(
    site: Site, ledger: Ledger, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # nobody asks ssh-keygen beside the product
    monkeypatch.setattr(signatures, "run", lambda *_, **__: pytest.fail("started a program"))
    for _ in range(3):
        ledger.append(lambda records, now: HOLD)
    assert len(Ledger.open(other_state(site, "fresh"), ledger.key).known) == 4


def test_right_key_of_a_kind_that_is_not_checked_here_is_left_to_openssh(
    started: list[str],
) -> None:
    short = claim(rsa_pen(bits=1024))
    (proven,) = proofs([short])
    assert not proven and problem_of_signature(short, proven) == ""
    assert started == ["ssh-keygen"]


def test_wrong_signature_has_its_verdict_from_openssh(started: list[str]) -> None:
    forged = claim(ed25519_pen(), signed="another text")
    (proven,) = proofs([forged])
    assert "is not ann@here's" in problem_of_signature(forged, proven)
    assert started == ["ssh-keygen"]


def test_many_signatures_are_checked_by_a_process_for_each_batch(
    started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signatures, "FEW", 5)
    pen = ed25519_pen()
    claims = [claim(pen, f"text {n}\n", f"text {n}\n" if n % 7 else "other") for n in range(43)]
    assert proofs(claims, size=10) == [n % 7 != 0 for n in range(43)]
    assert len(started) == 4 and all(name.startswith("python") for name in started)


def test_forgery_among_many_ends_the_ledger_there(
    site: Site, ledger: Ledger, ann: Key, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever floods the branch with forged records costs its readers one ssh-keygen."""
    monkeypatch.setattr(signatures, "FEW", 2)
    good = ledger.append(lambda records, now: HOLD).n
    for _ in range(6):
        forgery.record(site.ledger, HOLD, ledger.known[-1].time, "ann@here", keys("eve@there"))
    asked: list[Claim] = []
    real = signatures.openssh_accepts
    monkeypatch.undo()
    monkeypatch.setattr(signatures, "openssh_accepts", lambda c: asked.append(c) or real(c))
    fresh = Ledger.open(other_state(site, "fresh"), ann)
    assert fresh.fault is not None and f"record {good + 1} of" in fresh.fault.message
    assert len(fresh.known) == good + 1 and len(asked) == 1


def test_signers_change_in_the_middle_of_a_batch(
    site: Site, ledger: Ledger, ann: Key, keys: Keys
) -> None:
    """Each signature counts by the signers of its own place, however many are checked at once."""
    bob = keys("bob@there")

    def write(opened: Ledger, body: Body) -> None:
        opened.append(lambda records, now: body)

    write(ledger, signers_body((signer(ann), signer(bob))))
    write(Ledger.open(other_state(site, "bobs"), bob), HOLD)
    write(ledger, signers_body((signer(ann),)))
    forgery.record(site.ledger, HOLD, ledger.known[-1].time, "bob@there", bob)
    fresh = Ledger.open(other_state(site, "fresh"), ann)
    assert len(fresh.known) == 4
    assert fresh.fault is not None and "bob@there is not among" in fresh.fault.message
