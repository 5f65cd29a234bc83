"""Speculative states and what came out of testing them, keyed by exact trees."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

# Commits of changes in the order in which they are merged onto the branches' tips.
Chain = tuple[str, ...]
CHECK = "check"  # the pipeline of changes that nobody has approved yet


@dataclass(frozen=True, slots=True)
class Merged:
    """A chain merged onto the tips: `trees` is the digest of what each branch then has."""

    trees: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """A chain whose last item cannot be merged onto what is before it, and why."""

    why: str


class Status(StrEnum):
    """How far a build is. Of FAILING some job failed and others still run; of NO_VERDICT some job
    could not be run, and none failed: nothing is known of what it tests."""

    RUNNING = "running"
    FAILING = "failing"
    FAILED = "failed"
    PASSED = "passed"
    NO_VERDICT = "no-verdict"

    @property
    def over(self) -> bool:
        return self in (Status.PASSED, Status.FAILED, Status.NO_VERDICT)


@dataclass(frozen=True, slots=True)
class Build:
    """The jobs of one item (the `commits` of its changes) on a state with exactly these `trees`.

    `pipeline` is for whom they run: CHECK, or the queue's name and branch. `ask` tells repetitions
    apart: who asks again gets another run of the same.
    """

    pipeline: str
    commits: tuple[str, ...]
    trees: str
    ask: str

    @property
    def id(self) -> str:
        """A name for files and jobs, the same for the same build in every process."""
        text = "\n".join((self.pipeline, *self.commits, self.trees, self.ask))
        return hashlib.sha256(text.encode()).hexdigest()[:24]


def digest_of(trees: Mapping[tuple[str, str], str]) -> str:
    """The digest of a state: the tree of every (project, branch)."""
    lines = (f"{project}\0{branch}\0{tree}\n" for (project, branch), tree in sorted(trees.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


class Proof:
    """What is proven by the builds that passed, whoever asked for them."""

    def __init__(self, builds: Mapping[Build, Status]) -> None:
        self._passed: dict[str, list[frozenset[str]]] = {}
        for build, status in builds.items():
            if status is Status.PASSED:
                self._passed.setdefault(build.trees, []).append(frozenset(build.commits))

    def covers(self, build: Build) -> bool:
        """Whether the jobs of `build` passed on its trees.

        Those of an item with more changes count: what is left of a circle when the gate was killed
        while it merged it was tested with the rest.
        """
        return any(passed.issuperset(build.commits) for passed in self._passed.get(build.trees, ()))


def window(outcomes: Iterable[bool], *, start: int, floor: int, most: int) -> int:
    """How many items are tested side by side after these `outcomes` of items, oldest first.

    One more for each that was merged, half as many for each that was not.
    """
    size = start
    for merged in outcomes:
        size = min(most, size + 1) if merged else max(floor, size // 2)
    return size
