"""The ledger's remote keeps junk out: a pre-receive hook that verifies what is pushed.

It runs where the bare repository is, by whoever may push there; git gives it the objects of the
push in quarantine, and the lines `OLD NEW REF` on standard input (githooks(5)).
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

from deploykit.base import files
from deploykit.base.errors import InputError, Refused
from deploykit.base.printable import one_line
from deploykit.base.times import utc_now
from deploykit.ledger.chain import verify
from deploykit.ledger.records import LedgerError
from deploykit.ledger.repository import BRANCH, RESTORE, Clone

NONE = "0"
HOOK = "hooks/pre-receive"
MARK = "deploy-kit ledger receive"


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
        if old.strip(NONE) and not clone.follows(old, new):
            raise Refused("the ledger is never rewritten: this push does not follow what is there")
        raw, problem = clone.read(clone.history(None, new), 0)
        verified = verify([], raw, utc_now())
        if verified.fault is not None:
            raise verified.fault
        if problem:
            raise LedgerError(problem, RESTORE)


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
