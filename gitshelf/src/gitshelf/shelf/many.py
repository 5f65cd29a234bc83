"""The facts of many clones with one program for some dozens of them.

Starting a program costs Python about as much as a small `git status` costs git, so a shell, which
starts programs for less, goes through a part of the clones.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gitshelf.base import process
from gitshelf.base.process import Running
from gitshelf.git import LOCAL_TIMEOUT, worktree
from gitshelf.git.worktree import Facts
from gitshelf.shelf import quick

_PER_CLONE = 30.0
# Three NULs and git's exit code end what is said of a clone; git itself writes no two NULs.
_SCRIPT = """
while [ $# -gt 0 ]; do
    GIT_CEILING_DIRECTORIES="${2%/*}" git -C "$2" OPTIONS --untracked-files="$1" 2>/dev/null
    printf '\\0\\0\\0%s\\0' $?
    shift 2
done
"""


def facts_of_many(
    clones: Sequence[tuple[Path, frozenset[str]]], running: Running | None = None
) -> list[Facts | None]:
    """As `worktree.facts` for each of the clones (absolute path, other books in it); None for one
    that git cannot read. git is not asked about those that surely have no change."""
    quick_facts = [quick.facts_if_clean(path, inside) for path, inside in clones]
    others = [clone for clone, facts in zip(clones, quick_facts, strict=True) if facts is None]
    answers = iter(_ask_git(others, running) if others else [])
    return [facts or next(answers) for facts in quick_facts]


def _ask_git(
    clones: Sequence[tuple[Path, frozenset[str]]], running: Running | None = None
) -> list[Facts | None]:
    script = _SCRIPT.replace("OPTIONS", " ".join([*worktree.OPTIONS, *worktree.STATUS]))
    arguments: list[str] = []
    for path, inside in clones:
        arguments += [worktree.untracked(inside), str(path)]
    result = process.run(
        ["sh", "-c", script, "sh", *arguments],
        timeout=LOCAL_TIMEOUT + _PER_CLONE * len(clones),
        env=worktree.surroundings(),
        running=running,
    )
    facts: list[Facts | None] = []
    lines: list[bytes] = []
    ended = False
    for field in result.out.split(b"\0"):
        if not field:
            ended = True
        elif not ended:
            lines.append(field)
        else:
            inside = clones[len(facts)][1]
            is_ok = field == b"0"
            facts.append(worktree.parse_status(b"\0".join(lines), inside) if is_ok else None)
            lines, ended = [], False
    return facts + [None] * (len(clones) - len(facts))
