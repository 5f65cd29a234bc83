"""What the check pipeline should do next: every change is tried by itself, before anybody reviews.

A change is merged with what it needs onto the tips as they are when its jobs begin. That the tips
move on does not matter to its vote: what is merged is the queue's business.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from deploykit.gate.builds import CHECK, Build, Chain, Conflict, Status
from deploykit.gate.changes import Change, Item
from deploykit.gate.order import circles_of, parents_first
from deploykit.gate.queue import Action, Cancel, Facts, Prepare, Start, Tell

UNTRUSTED = (
    "No jobs yet: they would run the code of somebody who is not known here. "
    "Somebody with the right to: comment 'recheck'."
)


@dataclass(frozen=True, slots=True)
class Vote:
    """Vote on a change by the outcome of its `build`; `why` where no build could be made.

    `passed` None: its jobs could not be run, so it is told and gets no vote.
    """

    change: Change
    passed: bool | None
    build: Build | None = None
    why: str = ""


CheckAction = Action | Vote


def checked(change: Change) -> str:
    """The key in `said` of a vote on this patch set, as last asked for."""
    return f"checked {change.commit} {change.recheck}"


def next_checks(projects: Collection[str], facts: Facts, at_once: int) -> list[CheckAction]:
    """What to do now for the open changes of `projects`; at most `at_once` builds run at a time.

    Those with the lowest number come first. May be called at any time, as `next_actions`.
    """
    mine = _by_ask(facts)
    due = [
        change
        for change in sorted(facts.changes.values(), key=lambda change: change.number)
        if change.open and change.project in projects and not change.told(checked(change))
    ]
    votes: list[CheckAction] = []
    going_on: set[Build] = set()
    waiting: list[Change] = []
    for change in due:
        build = mine.get(_key(change))
        if build is None:
            waiting.append(change)
        elif (status := facts.builds[build]).over:
            known = status is not Status.NO_VERDICT
            votes.append(Vote(change, status is Status.PASSED if known else None, build))
        else:
            going_on.add(build)
    cancelled = [
        Cancel(build)
        for build, status in facts.builds.items()
        if build.pipeline == CHECK and not status.over and build not in going_on
    ]
    started: list[CheckAction] = []
    room = at_once - len(going_on)
    for change in waiting:
        if room <= 0:
            break
        action = _start(change, facts)
        if action is not None:
            started.append(action)
            room -= isinstance(action, Prepare | Start)
    return [*cancelled, *votes, *started]


def _by_ask(facts: Facts) -> dict[tuple[tuple[str, ...], str], Build]:
    """The builds of this pipeline by what was asked for; one that is over before one that runs."""
    builds_by_ask: dict[tuple[tuple[str, ...], str], Build] = {}
    for build, status in facts.builds.items():
        key = (build.commits, build.ask)
        if build.pipeline == CHECK and (key not in builds_by_ask or status.over):
            builds_by_ask[key] = build
    return builds_by_ask


def _key(change: Change) -> tuple[tuple[str, ...], str]:
    return (change.commit,), change.recheck


def _start(change: Change, facts: Facts) -> CheckAction | None:
    """What brings a build of `change` about; None if there is nothing more to say or do."""
    if change.problem:
        return _tell_once(change, f"problem {change.commit} {change.problem}",
                     f"Not tested: it {change.problem}.")  # fmt: skip
    needed = [
        member
        for circle in circles_of([change.id], facts.changes)
        for member in parents_first(circle)
    ]
    if not all(member.trusted for member in needed):
        return _tell_once(change, f"untrusted {change.commit}", UNTRUSTED)
    before = tuple(member.commit for member in needed if member.id != change.id)
    chain: Chain = (*before, change.commit)
    merge = facts.merges.get(chain)
    if merge is None:
        return Prepare(chain, (change.commit,))
    if isinstance(merge, Conflict):
        return Vote(change, False, None, f"it cannot be merged: {merge.why}")
    build = Build(CHECK, (change.commit,), merge.trees, change.recheck)
    return Start(build, Item((change,)), chain)


def _tell_once(change: Change, key: str, text: str) -> Tell | None:
    return None if change.told(key) else Tell(change, key, text)
