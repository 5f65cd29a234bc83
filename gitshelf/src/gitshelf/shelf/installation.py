"""A working shelf for development: clones and links where the manifest says."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from gitshelf import resolution
from gitshelf.base import printable
from gitshelf.base.errors import GitshelfError
from gitshelf.base.process import Running
from gitshelf.base.threads import run_all
from gitshelf.cache.histories import Histories
from gitshelf.formats import gitobjects
from gitshelf.git import urls, worktree
from gitshelf.git.refs import Ref
from gitshelf.git.worktree import Facts
from gitshelf.kit.lock import INCLUDE
from gitshelf.resolution import Options, locate
from gitshelf.shelf import beneath, installed, lfsfiles, links, many, nesting, removal
from gitshelf.shelf.beneath import BehindLink
from gitshelf.shelf.clones import Clones, Goal, WouldLoseWork, is_unfinished
from gitshelf.shelf.leaving import Clearing
from gitshelf.shelf.places import Clone, Layout, Symlink, lay_out, locating

WORKERS = 2
_AT_ONCE = 50
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one book or link. `done` says what was done ("" for nothing), `kept` why it
    is not as the manifest says; `commit` is "" for links."""

    book: str
    path: Path
    commit: str
    done: str
    kept: str = ""


@dataclass(frozen=True, slots=True)
class InstallOptions:
    """How to install. `dry_run` only says; `skip_deletes` removes no book that left the manifest
    and replaces no link; `force` overwrites local changes."""

    fakeroot: Path | None = None
    dry_run: bool = False
    skip_deletes: bool = False
    skip_repo_url_check: bool = False
    force: bool = False


Wishes = InstallOptions
"""The first name of InstallOptions, which callers of the library may still use."""


def install(
    manifest: Path,
    folder: Path,
    *,
    environment: str | None = None,
    tokens: Mapping[str, str] | None = None,
    wishes: InstallOptions | None = None,
    options: Options | None = None,
) -> list[Outcome]:
    """Bring the shelf of a manifest into `folder` (where its relative places lie), or bring the
    one that is there up to date: books, parents before children, then links. Books and links that
    an earlier install made, and that are not in the manifest any more, are removed.

    Local changes and commits that are not pushed are kept, and said in the outcome. Raises
    GitshelfError, naming the book, if something cannot be read or fetched; what was installed
    until then stays, and the next run goes on from there.
    """
    options = options or Options(workers=WORKERS)
    parsed = resolution.load(Path(manifest), environment, tokens)
    wishes = wishes or InstallOptions()
    layout = lay_out(parsed, Path(folder), wishes.fakeroot)
    run = _Install(wishes, options, parsed.urls)
    record = installed.read(Path(manifest), Path(folder), wishes.fakeroot)
    clearing = Clearing(record, layout, [Path(folder), *filter(None, [wishes.fakeroot])])
    leaving = () if wishes.skip_deletes else clearing.gone
    run.aim(layout.clones, leaving)
    outcomes = [run.clear(clearing, path) for path in leaving]
    if not wishes.dry_run:
        clearing.begin()
    outcomes += run.all_books(layout)
    outcomes += [run.link(link) for link in layout.links]
    if not wishes.dry_run:
        clearing.end()
    return sorted(outcomes, key=lambda outcome: outcome.book.encode())


class _Install:
    def __init__(self, wishes: InstallOptions, options: Options, urls: Iterable[str]) -> None:
        self._wishes = wishes
        self._options = options
        self._running = Running()
        self._fetcher = options.fetcher(self._running, urls)
        self._histories = Histories(self._fetcher)
        self._clones = Clones(
            self._running,
            options.timeout,
            force=wishes.force,
            offline=options.offline,
            servers=self._fetcher.servers,
        )
        self._facts: dict[Path, Facts] = {}
        self._goals: dict[Path, Goal] = {}

    def aim(self, clones: Sequence[Clone], leaving: Sequence[Path]) -> None:
        """Find out which commits clones are at and should be at; nothing on the shelf changes.
        Clones that are `leaving` count as not there."""
        present = [
            clone
            for clone in clones
            if worktree.is_clone(clone.path)
            and clone.path not in leaving
            and not beneath.link_above(clone.top, clone.path)
        ]
        parts = [present[start : start + _AT_ONCE] for start in range(0, len(present), _AT_ONCE)]
        for facts in self._each(parts, self._facts_of):
            self._facts.update(facts)
        by_url: dict[str, list[Clone]] = defaultdict(list)
        for clone in clones:
            by_url[clone.book.url].append(clone)
        for goals in self._each(list(by_url.values()), self._goals_of):
            self._goals.update(goals)

    def clear(self, clearing: Clearing, path: Path) -> Outcome:
        """Remove something that left the manifest."""

        def remove() -> None:
            clearing.check(path, self._running)
            clearing.remove(path, dry_run=self._wishes.dry_run)

        return self._remove(clearing.name(path), path, remove)

    def _remove(self, name: str, path: Path, remove: Callable[[], None]) -> Outcome:
        try:
            remove()
        except (WouldLoseWork, GitshelfError) as error:
            return Outcome(name, path, "", "", f"it left the manifest, but {error}")
        except OSError as error:
            return Outcome(name, path, "", "", f"it left the manifest, but {error.strerror}")
        return Outcome(name, path, "", "would be removed" if self._wishes.dry_run else "removed")

    def _remove_lost_submodules(self, clone: Clone, commit: str) -> list[Outcome]:
        """Remove the clones of submodules that a book had before it was moved to `commit`."""
        facts, book = self._facts.get(clone.path), clone.book
        if not facts or facts.commit in ("", commit) or book.policies.submodules != INCLUDE:
            return []
        outcomes = []
        for path in nesting.lost_submodules(clone.path, facts.commit, commit, self._running):
            if not self._wishes.skip_deletes:
                name = f"{book.place}/{path.relative_to(clone.path)}"
                take = partial(removal.take, path, clone.path, self._running)
                outcomes.append(self._remove(name, path, take))
        return outcomes

    def all_books(self, layout: Layout) -> list[Outcome]:
        """Bring the books of the manifest, and then their submodules that belong to them."""
        outcomes: list[Outcome] = []
        clones: Sequence[Clone] = layout.clones
        taken = nesting.taken_places(layout)
        while clones:
            brought = self.books(clones)
            outcomes += brought
            if self._wishes.dry_run:
                break
            at = {outcome.path: outcome.commit for outcome in brought if not outcome.kept}
            at_commits = [(clone, at[clone.path]) for clone in clones if clone.path in at]
            for clone, commit in at_commits:
                outcomes += self._remove_lost_submodules(clone, commit)
            timeout = self._options.timeout
            clones, left_out = nesting.submodule_clones(
                at_commits, layout, taken, self._running, timeout
            )
            outcomes = [
                _with_left_out(outcome, left_out.get(outcome.path, ())) for outcome in outcomes
            ]
            self.aim(clones, ())
        return outcomes

    def books(self, clones: Sequence[Clone]) -> list[Outcome]:
        """Bring each clone to the goal that `aim` found for it, parents before children."""
        outcomes: list[Outcome] = []
        for depth in sorted({clone.depth for clone in clones}):
            wave = [[clone] for clone in clones if clone.depth == depth]
            outcomes += self._each(wave, lambda group: self._bring(group[0]))
        return outcomes

    def _each(self, groups: Sequence[list[Clone]], work: Callable[[list[Clone]], T]) -> list[T]:
        """What `work` returns for each group, a few at a time."""

        def task(group: list[Clone]) -> Callable[[], T]:
            return lambda: work(group)

        tasks = [(group[0].book.place or ".", task(group)) for group in groups]
        return run_all(tasks, self._options.workers, self._running, self._options.report)

    def _facts_of(self, clones: list[Clone]) -> dict[Path, Facts]:
        known_facts = many.facts_of_many(
            [(clone.path, clone.inside) for clone in clones], self._running
        )

        facts: dict[Path, Facts] = {}
        for clone, clone_facts in zip(clones, known_facts, strict=True):
            # Asked again, git says why it cannot read a clone.
            with locating(clone):
                facts[clone.path] = clone_facts or worktree.facts(
                    clone.path, clone.inside, self._running
                )
        return facts

    def _goals_of(self, group: list[Clone]) -> dict[Path, Goal]:
        """The goals of those clones of one repository that are not at theirs yet."""
        url = group[0].book.url
        named = [clone for clone in group if not gitobjects.is_id(clone.book.branch)]
        try:
            refs = self._fetcher.refs(url, [clone.book.branch for clone in named]) if named else {}
        except GitshelfError as error:
            raise self._locate(
                error, named, {clone.path: clone.book.branch for clone in named}
            ) from None
        pins = {clone.path: refs.get(clone.book.branch, Ref(clone.book.branch)) for clone in group}
        todo = [clone for clone in group if not self._is_there(clone, pins[clone.path].id)]
        goals: dict[Path, Goal] = {}
        for width in {len(pins[clone.path].id) for clone in todo}:
            of_width = [clone for clone in todo if len(pins[clone.path].id) == width]
            pin_ids = {clone.path: pins[clone.path].id for clone in of_width}
            if self._wishes.dry_run:
                goals |= {
                    clone.path: Goal(pin_ids[clone.path], "", "", Path()) for clone in of_width
                }
                continue
            try:
                fresh = any(clone.book.branch in refs for clone in of_width)
                store = self._histories.history(
                    url, list(dict.fromkeys(pin_ids.values())), fresh=fresh
                )
                for clone in of_width:
                    commit = self._histories.peel(store, pin_ids[clone.path])
                    name = clone.book.branch
                    is_tag = name in refs and not refs[name].branch and name != "HEAD"
                    tag = name.removeprefix("refs/tags/") if is_tag else ""
                    goals[clone.path] = Goal(commit, pins[clone.path].branch, tag, store.path)
            except GitshelfError as error:
                raise self._locate(error, of_width, pin_ids) from None
        return goals

    def _locate(
        self, error: GitshelfError, clones: Sequence[Clone], pins: Mapping[Path, str]
    ) -> GitshelfError:
        books = [clone.book for clone in clones]
        return locate(error, books, {clone.book.place: pins[clone.path] for clone in clones})

    def _is_there(self, clone: Clone, pin: str) -> bool:
        facts = self._facts.get(clone.path)
        if facts is None or not facts.commit or is_unfinished(clone.path):
            return False
        if clone.book.policies.lfs == INCLUDE and lfsfiles.pointers_left(clone.path):
            return False
        branch = clone.book.branch
        expected = worktree.expected_commit(clone.path, branch, facts.commit)
        return expected == facts.commit and (gitobjects.is_id(branch) or expected == pin)

    def _bring(self, clone: Clone) -> Outcome:
        with locating(clone):
            return self._bring_to_goal(clone)

    def _bring_to_goal(self, clone: Clone) -> Outcome:
        book, path = clone.book, clone.path
        facts = self._facts.get(path)
        goal = self._goals.get(path)
        commit = facts.commit if facts else ""
        if link := beneath.link_above(clone.top, path):
            return Outcome(book.place, path, "", "", BehindLink(link).message)
        if facts and not (self._wishes.skip_repo_url_check or book.skip_url_check):
            problem = wrong_origin(clone)
            if problem:
                return Outcome(book.place, path, commit, "", problem)
        if goal is None:
            return Outcome(book.place, path, commit, "")
        if self._wishes.dry_run:
            done = "would be moved from " + commit[:12] if commit else "would be cloned"
            return Outcome(book.place, path, goal.commit, done)
        try:
            return Outcome(book.place, path, goal.commit, self._clones.bring(clone, goal))
        except (WouldLoseWork, BehindLink) as refusal:
            return Outcome(book.place, path, commit, "", str(refusal))

    def link(self, link: Symlink) -> Outcome:
        wishes = self._wishes
        try:
            done, kept = links.bring(
                link, wishes.dry_run, force=wishes.force, skip_deletes=wishes.skip_deletes
            )
        except BehindLink as error:
            return Outcome(link.place, link.path, "", "", error.message)
        except OSError as error:
            raise link.at.error(f"{link.path}: {error.strerror}", "look at the folder") from None
        return Outcome(link.place, link.path, "", done, kept)


def _with_left_out(outcome: Outcome, left_out: Sequence[bytes]) -> Outcome:
    """An outcome that also says which submodules do not belong to what was done."""
    if not (outcome.done and left_out):
        return outcome
    names = printable.some_of([os.fsdecode(name) for name in left_out])
    done = f"{outcome.done}, without submodules whose `update` is none: {names}"
    return replace(outcome, done=done)


def wrong_origin(clone: Clone) -> str:
    """What is wrong with the URL that a clone came from, "" for nothing."""
    url = worktree.origin(clone.path)
    if worktree.same_url(url, clone.book.url):
        return ""
    shown = urls.hide_password(url) or "not set"
    return f"its origin is {shown}, not {clone.book.url}"
