"""What differs between a shelf on the disk and its manifest. Nothing is fetched or changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gitshelf import resolution
from gitshelf.base import printable
from gitshelf.base.errors import GitshelfError
from gitshelf.base.process import Running, Stopped
from gitshelf.base.threads import Report, run_all
from gitshelf.git import LOCAL_TIMEOUT, worktree
from gitshelf.git.worktree import Facts
from gitshelf.shelf import beneath, many, nesting
from gitshelf.shelf.beneath import BehindLink
from gitshelf.shelf.clones import is_unfinished
from gitshelf.shelf.installation import wrong_origin
from gitshelf.shelf.places import Clone, Layout, Symlink, lay_out

WORKERS = 4
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class State:
    """One book or link: `problems` are empty if it is as the manifest says. `expected` and
    `commit` are "" if they are not known and for links; paths are relative to the book; `diff`
    is git's, from the manifest's commit to the work tree, if it was asked for."""

    book: str
    path: Path
    problems: tuple[str, ...]
    expected: str = ""
    commit: str = ""
    changed: tuple[str, ...] = ()
    untracked: tuple[str, ...] = ()
    diff: bytes = b""


def status(
    manifest: Path,
    folder: Path,
    *,
    environment: str | None = None,
    tokens: Mapping[str, str] | None = None,
    fakeroot: Path | None = None,
    skip_repo_url_check: bool = False,
    diffs: bool = False,
    report: Report | None = None,
) -> list[State]:
    """The state of every book and link of the shelf that a manifest has in `folder`, by place.

    Tags and branches count as the commits that the clone last saw for them. Changed and untracked
    files are what `git status` calls so. With `diffs`, the states have git's diffs. Raises
    GitshelfError for a wrong manifest; a book that git cannot read is a problem of that book.
    """
    parsed = resolution.load(Path(manifest), environment, tokens)
    layout = lay_out(parsed, Path(folder), fakeroot)
    running = Running()

    def task(clones: Sequence[Clone]) -> Callable[[], list[State]]:
        return lambda: _books(clones, skip_repo_url_check, diffs, running)

    size = max(1, min(_AT_ONCE, len(layout.clones) // (2 * WORKERS)))
    parts = [layout.clones[start : start + size] for start in range(0, len(layout.clones), size)]
    tasks = [(part[0].book.place or ".", task(part)) for part in parts]
    states = [state for part in run_all(tasks, WORKERS, running, report) for state in part]
    states += _submodules(layout, states, task, running)
    states += [_link(link) for link in layout.links]
    return sorted(states, key=lambda state: state.book.encode())


def _submodules(
    layout: Layout,
    states: list[State],
    task: Callable[[Sequence[Clone]], Callable[[], list[State]]],
    running: Running,
) -> list[State]:
    """The states of the clones that books include as their submodules."""
    inner_states: list[State] = []
    clones: Sequence[Clone] = layout.clones
    taken = nesting.taken_places(layout)
    while clones:
        at = {state.path: state.commit for state in states if state.commit}
        at_commits = [(clone, at[clone.path]) for clone in clones if clone.path in at]
        clones, _ = nesting.submodule_clones(at_commits, layout, taken, running, LOCAL_TIMEOUT)
        states = task(clones)() if clones else []
        inner_states += states
    return inner_states


def _books(clones: Sequence[Clone], skip_url: bool, diffs: bool, running: Running) -> list[State]:
    behind = {clone.path: beneath.link_above(clone.top, clone.path) for clone in clones}
    present = [c for c in clones if worktree.is_clone(c.path) and not behind[c.path]]
    known_facts = many.facts_of_many([(clone.path, clone.inside) for clone in present], running)
    facts = {
        clone.path: clone_facts for clone, clone_facts in zip(present, known_facts, strict=True)
    }
    states = []
    for clone in clones:
        start = State(clone.book.place, clone.path, ())
        if link := behind[clone.path]:
            states.append(replace(start, problems=(BehindLink(link).message,)))
            continue
        if clone.path not in facts:
            is_present = os.path.lexists(clone.path)
            problem = "not a git clone" if is_present else "not installed"
            states.append(replace(start, problems=(problem,)))
            continue
        try:
            # Asked again, git says why it cannot read a clone.
            clone_facts = facts[clone.path] or worktree.facts(clone.path, clone.inside, running)
            states.append(
                _clone(clone, start, clone_facts, running, skip_url=skip_url, diffs=diffs)
            )
        except Stopped:
            raise
        except GitshelfError as error:
            states.append(replace(start, problems=(f"cannot be read: {error.message}",)))
    return states


def _clone(
    clone: Clone, start: State, facts: Facts, running: Running, *, skip_url: bool, diffs: bool
) -> State:
    path, branch = clone.path, clone.book.branch
    skip_url = skip_url or clone.book.skip_url_check
    expected = worktree.expected_commit(path, branch, facts.commit)
    problems = []
    if is_unfinished(path):
        problems.append("an install was killed here: run it again")
    if not skip_url and (problem := wrong_origin(clone)):
        problems.append(problem)
    if not expected:
        problems.append(f"{branch} is not known here: run gitshelf install")
    elif expected != facts.commit:
        name = f" ({branch})" if branch != expected else ""
        problems.append(f"is at {facts.commit[:12] or 'no commit'}, not {expected[:12]}{name}")
    if facts.changed:
        problems.append("changed: " + printable.some_of(facts.changed))
    if facts.untracked:
        problems.append("untracked: " + printable.some_of(facts.untracked))
    diff = b""
    if diffs and (facts.changed or (expected and expected != facts.commit)):
        diff = _diff(path, expected, running)
    return replace(
        start,
        problems=tuple(problems),
        expected=expected,
        commit=facts.commit,
        changed=facts.changed,
        untracked=facts.untracked,
        diff=diff,
    )


def _diff(path: Path, expected: str, running: Running) -> bytes:
    options = ["diff", "--no-ext-diff", "--no-color"]
    result = worktree.call(path, [*options, expected or "HEAD", "--"], running=running)
    if not result.ok:
        result = worktree.call(path, [*options, "HEAD", "--"], running=running)
    return result.out


def _link(link: Symlink) -> State:
    problems: tuple[str, ...] = ()
    if above := beneath.link_above(link.top, link.path):
        problems = (BehindLink(above).message,)
    elif not link.path.is_symlink():
        problems = ("not a link" if link.path.exists() else "not installed",)
    elif (actual_target := str(link.path.readlink())) != link.target:
        problems = (f"leads to {printable.text(actual_target)}, not {link.target}",)
    return State(link.place, link.path, problems)
