"""kill -9 at any moment of a first use or an append: the same call again finishes the work."""

from __future__ import annotations

import importlib
import os
import signal
from pathlib import Path
from typing import Any

import forgery
import pytest
from deploykit.ledger import Ledger
from deploykit.ledger.bodies import decision_body
from deploykit.site import Site
from deploykit.site.keys import Key, operator_key
from ledgerbook import make_site, other_state

HOLD = decision_body("hold", environment="test", reason="night")

REPOSITORY = "deploykit.ledger.repository:Clone"
MEMORY = "deploykit.ledger.index:Memory"
TRUST = "deploykit.ledger.trust:TrustFile"
STORE = "deploykit.ledger.store"
# What is called, which call of it, and whether before or after: for a ledger that is there.
APPENDING = [
    (f"{REPOSITORY}.fetch", 1, "after"),
    (f"{REPOSITORY}.payload", 1, "after"),
    (f"{STORE}:sign", 1, "after"),
    (f"{REPOSITORY}.store", 1, "after"),
    (f"{REPOSITORY}.push", 1, "before"),
    (f"{REPOSITORY}.push", 1, "after"),
    (f"{MEMORY}.add", 1, "after"),
    (f"{TRUST}.write", 2, "before"),
    (f"{TRUST}.write", 2, "after"),
]
# The same from nothing: the key, both repositories and the genesis are made as well.
BEGINNING = [
    ("pathlib:Path.rename", 1, "before"),
    ("pathlib:Path.rename", 1, "after"),
    ("pathlib:Path.rename", 2, "before"),
    ("pathlib:Path.rename", 2, "after"),
    ("pathlib:Path.replace", 1, "before"),
    ("pathlib:Path.replace", 1, "after"),
    ("pathlib:Path.replace", 2, "before"),
    ("pathlib:Path.replace", 2, "after"),
    (f"{REPOSITORY}.push", 1, "after"),
    (f"{REPOSITORY}.push", 2, "after"),
]


def killed(site: Site, where: str, when: int, after: str) -> None:
    """Append in a process that is killed before or after the call number `when` of `where`."""
    child = os.fork()
    if child == 0:
        try:
            arm(where, when, after)
            Ledger.open(site).append(lambda records, now: HOLD)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def arm(where: str, when: int, after: str) -> None:
    module, _, path = where.partition(":")
    owner, _, name = path.rpartition(".")
    target: Any = importlib.import_module(module)
    target = getattr(target, owner) if owner else target
    real, left = getattr(target, name), [when]

    def deadly(*args: Any, **more: Any) -> Any:
        left[0] -= 1
        if left[0] == 0 and after == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **more)
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(target, name, deadly)


def check(site: Site) -> None:
    """The ledger is whole for everybody, and takes the next record."""
    ledger = Ledger.open(site)
    before = ledger.known
    assert ledger.append(lambda records, now: HOLD).n == len(before)
    fresh = Ledger.open(other_state(site, "fresh"), operator_key(site))
    assert fresh.known == ledger.reverify()
    forgery.git(site.ledger, "fsck", "--strict")
    assert not [path for path in site.state.rglob("*.new*") if "trust" not in path.name]


@pytest.mark.parametrize(("where", "when", "after"), APPENDING)
def test_append_killed_anywhere_leaves_a_ledger_that_goes_on(
    site: Site, where: str, when: int, after: str
) -> None:
    Ledger.open(site)
    killed(site, where, when, after)
    check(site)


@pytest.mark.parametrize(("where", "when", "after"), BEGINNING)
def test_first_use_killed_anywhere_leaves_a_ledger_that_goes_on(
    site: Site, where: str, when: int, after: str
) -> None:
    killed(site, where, when, after)
    check(site)


@pytest.mark.parametrize("where", ["clone", "remote"])
def test_lock_file_of_a_killed_git_is_cleared(
    site: Site, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr("deploykit.ledger.repository.LOCK_STALE", 0.3)
    clone = next((site.state / "ledger").glob("*.git"))
    lock = {
        "clone": clone / "refs/seen/ledger.lock",
        "remote": Path(site.ledger) / "refs/heads/ledger.lock",
    }[where]
    other = Ledger.open(other_state(site, "other"), ledger.key)
    if where == "clone":
        other.append(lambda records, now: HOLD)
    lock.parent.mkdir(exist_ok=True)
    lock.touch()
    assert ledger.append(lambda records, now: HOLD).n == len(other.known)
    assert not lock.exists()


def test_half_made_repository_of_a_killed_process_is_not_used(tmp_path: Path, ann: Key) -> None:
    site = make_site(tmp_path)
    half = site.state / ".new-ledger.git-half"
    half.mkdir(parents=True)
    (half / "HEAD").write_text("ref: refs/heads/ledger\n")
    assert len(Ledger.open(site, ann).known) == 1
    assert not half.exists()
