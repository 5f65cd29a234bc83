"""The ledger's remote keeps junk out: a pre-receive hook that verifies what is pushed.

It runs where the bare repository is, by whoever may push there; git gives it the objects of the
push in quarantine, and the lines `OLD NEW REF` on standard input (githooks(5)).
"""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from deploykit.base import files
from deploykit.base.errors import InputError, Refused
from deploykit.base.printable import one_line
from deploykit.base.times import utc_now
from deploykit.ledger.chain import Verified, verify
from deploykit.ledger.index import Memory
from deploykit.ledger.records import LedgerError, Record
from deploykit.ledger.repository import BRANCH, Clone

NONE = "0"
HOOK = "hooks/pre-receive"
MARK = "deploy-kit ledger receive"
VERIFIED = "deploy-kit"  # a folder in the repository: what is known to verify


def install(repository: Path) -> Path:
    """Write the hook of the bare repository `repository`; returns its file.

    Raises InputError where that is no bare repository, or has such a hook of somebody else.
    """
    file = repository / HOOK
    if not (repository / "objects").is_dir() or not (repository / "HEAD").is_file():
        raise InputError(f"{repository} is no bare git repository", "name the ledger's remote")
    if file.exists() and MARK not in file.read_text(encoding="utf-8", errors="replace"):
        raise InputError(f"{file} is there already", f"have it call, with what it reads: {MARK}")
    file.parent.mkdir(exist_ok=True)
    python = shlex.quote(sys.executable)
    text = f"#!/bin/sh\n# {MARK}: only records that verify come in.\n"
    files.write(file, f"{text}exec {python} -m deploykit.ledger.hook .\n", mode=0o777)
    return file


def check_push(repository: Path, updates: Iterable[str]) -> None:
    """Raise Refused or LedgerError if one of `updates` (`OLD NEW REF`) spoils the ledger in
    `repository`: it goes back, ends the branch, or adds what does not verify."""
    for update in updates:
        old, new, ref = update.split()
        if ref != BRANCH:
            continue
        if not new.strip(NONE):
            raise Refused("the ledger's branch is not taken away")
        clone = Clone(repository, str(repository), owned=False, quarantined=True)
        before = old if old.strip(NONE) else None
        if before and not clone.follows(before, new):
            raise Refused("the ledger is never rewritten: this push does not follow what is there")
        _demand_verified(clone, new, pushed=clone.history(before, new))


def remember(repository: Path) -> None:
    """Verify the ledger that is in `repository`, up to a fault, so that the first push need not
    wait for that."""
    clone = Clone(repository, str(repository), owned=False)
    if clone.tree(BRANCH):
        with contextlib.suppress(LedgerError):
            _demand_verified(clone, BRANCH, pushed=())


def _demand_verified(clone: Clone, tip: str, pushed: Collection[str]) -> None:
    """Raise LedgerError if not all verifies up to `tip`.

    What is no part of the push is remembered in the repository, and not looked at again.
    """
    memory = Memory(clone.folder / VERIFIED)
    try:
        with memory.locked():
            known = memory.load(clone.tree)
            if known and not clone.follows(known[-1].commit, tip):
                known = memory.begin()
            try:
                for verified in _verified(clone, known, tip):
                    stay = [n for n, r in enumerate(verified.records) if r.commit not in pushed]
                    records, texts = verified.records[: len(stay)], verified.texts[: len(stay)]
                    memory.add(records, texts)
            finally:
                memory.publish()
    except PermissionError:  # who pushes is not who remembers: then all is looked at
        for _ in _verified(clone, (), tip):
            pass


def _verified(clone: Clone, known: Sequence[Record], tip: str) -> Iterator[Verified]:
    """What follows the records that are `known`, up to `tip`. Raises LedgerError for a fault."""
    commits = clone.history(known[-1].commit if known else None, tip)
    for verified in verify(known, clone.read(commits, len(known)), utc_now()):
        yield verified
        if verified.fault is not None:
            raise verified.fault


def main() -> int:
    """The hook's program; the repository is the first argument."""
    try:
        check_push(Path(sys.argv[1]).resolve(), sys.stdin)
    except (LedgerError, Refused, InputError) as error:
        sys.stderr.write(f"refused: {one_line(error.message)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
