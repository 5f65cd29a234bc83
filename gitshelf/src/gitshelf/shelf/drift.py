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
from gitshelf.shelf import many as survey
from gitshelf.shelf import nesting
from gitshelf.shelf.clones import unfinished
from gitshelf.shelf.installation import wrong_origin
from gitshelf.shelf.places import GitPlace, Layout, LinkPlace, lay_out

WORKERS = 4
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class State:
    """One book or link: `problems` are empty where it is as the manifest says. `expected` and
    `commit` are "" where they are not known and for links; paths are relative to the book; `diff`
    is git's, from the manifest's commit to the work tree, where it was asked for."""

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

    Tags and branches count as what the clone last saw of them. Changed and untracked files are
    what `git status` calls so. With `diffs`, what changed is in the states. Raises GitshelfError
    for a wrong manifest; a book that git cannot read is a problem of that book.
    """
    read = resolution.load(Path(manifest), environment, tokens)
    layout = lay_out(read, Path(folder), fakeroot)
    running = Running()

    def task(places: Sequence[GitPlace]) -> Callable[[], list[State]]:
        return lambda: _books(places, skip_repo_url_check, diffs, running)

    size = max(1, min(_AT_ONCE, len(layout.books) // (2 * WORKERS)))
    parts = [layout.books[start : start + size] for start in range(0, len(layout.books), size)]
    tasks = [(part[0].book.book or ".", task(part)) for part in parts]
    states = [one for part in run_all(tasks, WORKERS, running, report) for one in part]
    states += _submodules(layout, states, task, running)
    states += [_link(link) for link in layout.links]
    return sorted(states, key=lambda one: one.book.encode())


def _submodules(
    layout: Layout,
    states: list[State],
    task: Callable[[Sequence[GitPlace]], Callable[[], list[State]]],
    running: Running,
) -> list[State]:
    """The states of the clones that books include as their submodules."""
    found: list[State] = []
    places: Sequence[GitPlace] = layout.books
    taken = nesting.taken(layout)
    while places:
        at = {one.path: one.commit for one in states if one.commit}
        clones = [(place, at[place.path]) for place in places if place.path in at]
        places = nesting.inner(clones, layout, taken, running, LOCAL_TIMEOUT)
        states = task(places)() if places else []
        found += states
    return found


def _books(
    places: Sequence[GitPlace], skip_url: bool, diffs: bool, running: Running
) -> list[State]:
    clones = [place for place in places if worktree.is_clone(place.path)]
    looked = survey.look([(place.path, place.inside) for place in clones], running)
    facts = {place.path: found for place, found in zip(clones, looked, strict=True)}
    states = []
    for place in places:
        start = State(place.book.book, place.path, ())
        if place.path not in facts:
            there = os.path.lexists(place.path)
            problem = "not a git clone" if there else "not installed"
            states.append(replace(start, problems=(problem,)))
            continue
        try:
            # Asked again, git says why it cannot read a clone.
            known = facts[place.path] or worktree.look(place.path, place.inside, running)
            states.append(_clone(place, start, known, skip_url, diffs, running))
        except Stopped:
            raise
        except GitshelfError as error:
            states.append(replace(start, problems=(f"cannot be read: {error.message}",)))
    return states


def _clone(
    place: GitPlace, start: State, facts: Facts, skip_url: bool, diffs: bool, running: Running
) -> State:
    path, branch = place.path, place.book.branch
    skip_url = skip_url or place.book.skip_url_check
    wanted = worktree.expected(path, branch, facts.commit)
    problems = []
    if unfinished(path):
        problems.append("an install was killed here: run it again")
    if not skip_url and (wrong := wrong_origin(place)):
        problems.append(wrong)
    if not wanted:
        problems.append(f"{branch} is not known here: run gitshelf install")
    elif wanted != facts.commit:
        name = f" ({branch})" if branch != wanted else ""
        problems.append(f"is at {facts.commit[:12] or 'no commit'}, not {wanted[:12]}{name}")
    if facts.changed:
        problems.append("changed: " + printable.some(facts.changed))
    if facts.untracked:
        problems.append("untracked: " + printable.some(facts.untracked))
    diff = b""
    if diffs and (facts.changed or (wanted and wanted != facts.commit)):
        diff = _diff(path, wanted, running)
    return replace(
        start,
        problems=tuple(problems),
        expected=wanted,
        commit=facts.commit,
        changed=facts.changed,
        untracked=facts.untracked,
        diff=diff,
    )


def _diff(path: Path, wanted: str, running: Running) -> bytes:
    options = ["diff", "--no-ext-diff", "--no-color"]
    result = worktree.call(path, [*options, wanted or "HEAD", "--"], running=running)
    if not result.ok:
        result = worktree.call(path, [*options, "HEAD", "--"], running=running)
    return result.out


def _link(link: LinkPlace) -> State:
    problems: tuple[str, ...] = ()
    if not link.path.is_symlink():
        problems = ("not a link" if link.path.exists() else "not installed",)
    elif (led := str(link.path.readlink())) != link.target:
        problems = (f"leads to {printable.shown(led)}, not {link.target}",)
    return State(link.name, link.path, problems)
