"""The pins: a manifest that names, of every project of a queue, the commit that was tested.

They follow from everything else, a manifest with branches and the tips that passed together. So
they are no part of the states that are tested (`Trees.pins`), and whoever makes them at whatever
time makes the very same commit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.gate.config import Pins
from deploykit.gate.sources import project_of
from deploykit.gate.trees import Tips, Trees
from deploykit.release.cutting import HERE

NEWEST = ("", "HEAD")  # of which a manifest's own repository has no other than the queue's branch
HEADER = "# Written by the merge gate: {manifest} with what was tested together. Do not edit.\n"


@dataclass(frozen=True, slots=True)
class Source:
    """A branch's commit: `project` as the review server names it."""

    project: str
    branch: str
    commit: str


def pins_text(pins: Pins, manifest: str, sources: Collection[Source]) -> str:
    """The text of the manifest with the commits of `sources` as pins; all the rest stays.

    A book belongs to a source if its URL ends with the project's name and it follows the branch.
    Raises InputError if none does, or the manifest cannot be read.
    """
    from gitshelf.manifest import parse
    from gitshelf.pins.rewriting import NewPin, rewrite_pins

    from gitshelf import GitshelfError

    tokens = {"here": "/here"}
    try:
        parsed = parse(manifest.encode(), Path(pins.manifest), tokens=tokens)
        chosen: dict[str, NewPin] = {}
        for book in parsed.books:
            source = _source(pins, book.origin, (book.branch, book.track), sources)
            if source is not None:
                chosen[book.place] = NewPin(source.commit, source.branch)
        text = rewrite_pins(parsed, chosen, tokens)
    except GitshelfError as error:
        raise InputError(f"{pins.project}: {error.message}", error.remedy) from None
    if not chosen:
        names = ", ".join(sorted(source.project for source in sources))
        raise InputError(
            f"{pins.project}: no book of {pins.manifest} follows a branch of the queue",
            f"its URLs end with the names of the projects: {names}",
        )
    return HEADER.format(manifest=pins.manifest) + text


def _source(
    pins: Pins, url: str, follows: tuple[str, str], sources: Collection[Source]
) -> Source | None:
    """The source of a book with this URL that follows a branch, as `branch` or as `track`."""
    following = [
        source
        for source in sources
        if source.branch in follows or (url == HERE and follows[0] in NEWEST)
    ]
    names = [source.project for source in following]
    project = pins.project if url == HERE else project_of(url, names)
    return next((source for source in following if source.project == project), None)


@dataclass
class Pinning:
    """Moves the pins of a branch. `who` is NAME <ADDRESS> of the gate's account."""

    pins: Pins
    trees: Trees
    who: Callable[[], str]

    def move(self, branch: str, tips: Tips) -> str:
        """Have the pins on `branch` name `tips`; returns the new commit, '' if they do already, or
        the branch is no longer there.

        Raises InputError if no pins can be made, PushRefused, Unfetched.
        """
        place = (self.pins.project, branch)
        tip = tips[place]
        project = self.pins.project
        manifest = self.trees.text(project, tip, self.pins.manifest)
        if manifest is None:
            raise InputError(
                f"{project} ({branch}) has no {self.pins.manifest}, which the pins are made from",
                "correct `pins` in gate.yml",
            )
        sources = [
            Source(name, branch, self.trees.content_commit(name, commit))
            for (name, _), commit in sorted(tips.items())
        ]
        text = pins_text(self.pins, manifest, sources)
        if text == self.trees.text(project, tip, self.pins.path):
            return ""
        tree = self.trees.with_file(project, tip, self.pins.path, text)
        commit = self.trees.commit(project, tree, tip, self.who(), message(sources))
        return commit if self.trees.push(place, tip, commit) else ""


def message(sources: Collection[Source]) -> str:
    """The message of a pins commit."""
    lines = [f"{source.project} {source.branch} {source.commit}" for source in sources]
    return "\n".join(["Pins of what was tested together", "", *lines])


def paths_of(pins: Pins | None) -> Mapping[str, str]:
    """The path of the pins by project, as `Trees.pins` has it."""
    return {pins.project: pins.path} if pins is not None else {}
