"""A ledger of many records: what a call does must not grow with them. Counted, not timed."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bigledger import BigLedger, make_ledger
from deploykit.base import process
from deploykit.board import board
from deploykit.cli.ledger import history
from deploykit.ledger import Ledger, commits, rows, signatures
from deploykit.ledger.bodies import decision_body
from deploykit.ledger.records import Record

pytestmark = [pytest.mark.lengthy, pytest.mark.timeout(600)]
BIG, SMALL = 5000, 300
HOLD = decision_body("hold", environment="test", reason="night")


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> BigLedger:
    return make_ledger(tmp_path_factory.mktemp("big"), BIG, signers=2)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> BigLedger:
    return make_ledger(tmp_path_factory.mktemp("small"), SMALL, signers=2)


class Work:
    """What is done while it is watched: programs started, records parsed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.programs: Counter[str] = Counter()
        self.parsed = 0
        start, restore = process._start, rows.restore

        def started(words: tuple[str, ...], *more: Any, **named: Any) -> Any:
            self.programs[_name(words)] += 1
            return start(words, *more, **named)

        def restored(*words: Any) -> Record:
            self.parsed += 1
            return restore(*words)

        monkeypatch.setattr(process, "_start", started)
        monkeypatch.setattr(rows, "restore", restored)


def _name(words: Sequence[str]) -> str:
    """git's command, or the program."""
    if "git" not in words:
        return Path(words[0]).name
    known = ("fetch", "push", "rev-parse", "rev-list", "diff-tree", "cat-file", "hash-object")
    return next((f"git {word}" for word in words if word in known), "git")


@pytest.fixture(autouse=True)
def checked_by_openssh() -> None:
    """Not here: it would take most of the time."""


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    return Work(monkeypatch)


def opened(made: BigLedger, state: Path) -> Ledger:
    return Ledger.open(replace(made.site, state=state), made.keys["operator"])


def lines_of(text: str) -> list[str]:
    """The lines of a history that begin a record."""
    return re.findall(r"^ *(\d+)  ", text, re.MULTILINE)


def test_first_verification_asks_git_for_batches_and_starts_no_ssh_keygen(
    big: BigLedger, work: Work, tmp_path: Path
) -> None:
    ledger = opened(big, tmp_path)
    assert ledger.fault is None and ledger.known[-1].commit == big.tip
    batches = -(-BIG // commits.BATCH)
    assert work.programs["ssh-keygen"] == 0
    assert sum(work.programs[name] for name in ("git cat-file", "git diff-tree")) <= 3 * batches
    assert 0 < sum(work.programs[name] for name in work.programs if "python" in name) <= batches
    assert sum(work.programs.values()) <= 5 * batches + 10


def test_what_a_call_does_is_the_same_in_a_ledger_of_any_size(
    big: BigLedger, small: BigLedger, work: Work, tmp_path: Path
) -> None:
    done: list[tuple[Counter[str], int]] = []
    for name, whole in (("small", small), ("big", big)):
        state, remote = tmp_path / name, tmp_path / f"{name}.git"
        shutil.copytree(whole.site.ledger, remote)
        made = replace(whole, site=replace(whole.site, ledger=str(remote)))
        opened(made, state)
        work.programs.clear()
        work.parsed = 0
        ledger = opened(made, state)
        assert len(board(replace(made.site, state=state), ledger.known)) == 3
        assert ledger.append(lambda records, now: HOLD).n == len(ledger.known) - 1
        done.append((Counter(work.programs), work.parsed))
    (few, little), (many, much) = done
    assert many == few
    assert much <= 2 * little < SMALL < BIG


def test_last_lines_of_a_long_history_are_read_alone(
    big: BigLedger, work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    site = replace(big.site, state=tmp_path)
    opened(big, tmp_path)
    monkeypatch.setattr("deploykit.cli.ledger.site_of", lambda _: site)
    monkeypatch.setenv("DEPLOY_KIT_KEY", str(big.keys["operator"].file))
    work.parsed = 0
    history.main(["production", "--last", "7"], standalone_mode=False)
    assert len(lines_of(capsys.readouterr().out)) == 7
    assert work.parsed < BIG / 10


def test_history_that_is_long_says_how_much_it_shows(
    big: BigLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr("deploykit.cli.ledger.site_of", lambda _: replace(big.site, state=tmp_path))
    monkeypatch.setattr("deploykit.cli.ledger.LINES", 30)
    monkeypatch.setenv("DEPLOY_KIT_KEY", str(big.keys["operator"].file))
    history.main([], standalone_mode=False)
    said = capsys.readouterr()
    assert len(lines_of(said.out)) == 30
    assert "the last 30 of a longer history; more: --last N" in said.err
    assert "5000 new records of the ledger, verified" in said.err


def test_forged_record_in_a_big_ledger_is_found_where_it_is(
    big: BigLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of five thousand signatures one is not proven: that is the place where the ledger ends."""
    place = 4321
    real = signatures._proofs

    def proofs(claims: Sequence[signatures.Claim]) -> list[bool]:
        found = real(claims)
        assert all(found)
        return [ok and claim.record.n != place for ok, claim in zip(found, claims, strict=True)]

    monkeypatch.setattr(signatures, "_proofs", proofs)
    monkeypatch.setattr(signatures, "openssh_accepts", lambda claim: claim.record.n != place)
    ledger = opened(big, tmp_path)
    assert len(ledger.known) == place
    assert ledger.fault is not None and f"record {place} of the ledger" in ledger.fault.message
