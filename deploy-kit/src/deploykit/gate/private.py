"""Private branches: what is pushed there is tested at once, without review.

One pure function decides, `next_private`. If so configured, what passes takes its queue's branch
along: forward only, and only to the trees on which its jobs passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploykit.gate.builds import Build, Status

PIPELINE = "private:"


@dataclass(frozen=True, slots=True)
class Branch:
    """A private branch at `commit`; `onto` is the branch that its state replaces.

    `trees` is the state with the commit in that place. `merged`: the branch has the commit already.
    `forward`: the commit stands on the tip of that branch.
    """

    project: str
    name: str
    commit: str
    onto: str
    trees: str
    merged: bool = False
    forward: bool = True

    @property
    def build(self) -> Build:
        return Build(PIPELINE, (self.commit,), self.trees, f"{self.project} {self.name}")


@dataclass(frozen=True, slots=True)
class Try:
    """Run the jobs of a branch."""

    branch: Branch


@dataclass(frozen=True, slots=True)
class Drop:
    """End the jobs of a build: its branch moved on, or went away."""

    build: Build


@dataclass(frozen=True, slots=True)
class Move:
    """Take the branch `onto` along to what passed."""

    branch: Branch


@dataclass(frozen=True, slots=True)
class Note:
    """How a branch's jobs ended, for somebody to look at."""

    branch: Branch
    build: Build
    status: Status


PrivateAction = Try | Drop | Move | Note


def next_private(
    branches: Sequence[Branch], builds: Mapping[Build, Status], moves: str
) -> list[PrivateAction]:
    """What to do now; `moves` is the branch that goes along, '' for none.

    If nothing goes along, one result per commit is enough, on whatever the other projects were.
    """
    actions: list[PrivateAction] = []
    needed: set[Build] = set()
    for branch in branches:
        if branch.merged:
            continue
        build = build_of(branch, builds, exact=bool(moves) and branch.forward)
        status = builds.get(build)
        needed.add(build)
        if status is None:
            actions.append(Try(branch))
        elif status is Status.PASSED and moves == branch.onto and branch.forward:
            actions.append(Move(branch))
        elif status.over:
            actions.append(Note(branch, build, status))
    drops = [
        Drop(build)
        for build, status in builds.items()
        if build.pipeline == PIPELINE and not status.over and build not in needed
    ]
    return [*drops, *actions]


def build_of(branch: Branch, builds: Mapping[Build, Status], *, exact: bool) -> Build:
    """The build that tells of a branch; a pass tells of its very trees alone if `exact`.

    What failed once is not run again whenever another project moves on: push it again for that.
    """
    wanted = branch.build
    if wanted in builds:
        return wanted
    same = [
        build
        for build in builds
        if (build.pipeline, build.commits, build.ask) == (PIPELINE, wanted.commits, wanted.ask)
        and (builds[build] in (Status.FAILED, Status.NO_VERDICT) or not exact)
    ]
    over = [build for build in same if builds[build].over]
    return min(over or same, key=lambda build: build.id, default=wanted)
