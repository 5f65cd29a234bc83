"""Ledgers as they must not be: commits pushed past deploy-kit, with plain git."""

from __future__ import annotations

import os
import subprocess
import tempfile
from datetime import datetime
from pathlib import Path

from deploykit.ledger.kinds import Body
from deploykit.ledger.records import path_of, render
from deploykit.site.keys import Key, sign

BRANCH = "refs/heads/ledger"


def git(
    repository: str | Path,
    *words: str,
    stdin: str | None = None,
    seconds: float = 20,
    **env: str,
) -> str:
    done = subprocess.run(
        ["git", f"--git-dir={repository}", *words],
        input=stdin,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds,
    )
    return done.stdout.strip()


def tip(repository: str | Path) -> str:
    return git(repository, "rev-parse", BRANCH)


def count(repository: str | Path) -> int:
    return int(git(repository, "rev-list", "--count", BRANCH))


def point(repository: str | Path, commit: str) -> None:
    git(repository, "update-ref", BRANCH, commit)


def commit(
    repository: str | Path,
    files: dict[str, str],
    time: datetime,
    key: Key | None,
    *,
    parents: tuple[str, ...] | None = None,
    stamp: str | None = None,
    mode: str = "100644",
    namespace: str = "git",
) -> str:
    """Add `files` on top of the branch (or of `parents`) and move the branch there."""
    above = (tip(repository),) if parents is None else parents
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        if above:
            git(repository, "read-tree", above[0], **index)
        for path, text in files.items():
            blob = git(repository, "hash-object", "-w", "--stdin", stdin=text)
            entry = f"{mode},{blob},{path}"
            git(repository, "update-index", "--add", "--cacheinfo", entry, **index)
        tree = git(repository, "write-tree", **index)
    who = f"x <x> {stamp or f'{int(time.timestamp())} +0000'}"
    head = f"tree {tree}\n" + "".join(f"parent {parent}\n" for parent in above)
    head += f"author {who}\ncommitter {who}\n"
    payload = f"{head}\nforged\n"
    text = payload
    if key is not None:
        signature = sign(key, payload, namespace).rstrip("\n").replace("\n", "\n ")
        text = f"{head}gpgsig {signature}\n\nforged\n"
    made = git(repository, "hash-object", "-t", "commit", "-w", "--stdin", stdin=text)
    point(repository, made)
    return made


def record(repository: str | Path, body: Body, time: datetime, actor: str, key: Key | None) -> str:
    """Add a record in its proper form, as `actor`, signed by `key`."""
    n = count(repository)
    text = render(n, time, actor, body)
    return commit(repository, {path_of(n, text): text}, time, key)
