"""Idempotence: a second run of every state changes nothing, by Salt and by the nodes themselves."""

from __future__ import annotations

from deploykit.checks import FAILED, PASSED, Occasion, Outcome
from deploykit.master.facade import StatesRun
from deploykit.nodes.looks import NodeSnapshot, snapshots
from deploykit.nodes.packages import packages_by_role
from deploykit.rollout import highstate, minions_of
from deploykit.rollout.work import Work


class Idempotence:
    """Operators run the highstate at any time; it must be safe to."""

    name = "idempotence"
    summary = "a second run changes nothing: Salt, service starts, packages and files agree"
    on_copy = False

    def run(self, work: Work, occasion: Occasion) -> Outcome:
        assert occasion.live is not None
        names = minions_of(occasion.live)
        before = snapshots(occasion.live, names)
        answers = highstate(work, occasion.release, occasion.live, names)
        managed = {name: tuple(answer["files"]) for name, answer in answers.items()}
        after = snapshots(occasion.live, names, managed)
        found = [*told_by_salt(answers), *told_by_nodes(before, after)]
        states = sum(answer["total"] for answer in answers.values())
        return Outcome(
            FAILED if found else PASSED,
            "; ".join(found[:10]) or f"{states} states on {len(names)} nodes, none changed",
            packages_by_role(occasion.live),
        )


def told_by_salt(answers: dict[str, StatesRun]) -> list[str]:
    """What Salt reports as failed or changed."""
    return [
        f"{name}: {kind} {entry['state']}: {entry['comment']}"
        for name, answer in sorted(answers.items())
        for kind, entries in (("failed", answer["failed"]), ("changed", answer["changed"]))
        for entry in entries
    ]


def told_by_nodes(before: dict[str, NodeSnapshot], after: dict[str, NodeSnapshot]) -> list[str]:
    """What differs between two looks at the nodes: services started, packages, files."""
    found: list[str] = []
    for name, old in sorted(before.items()):
        new = after[name]
        for what, was, now in (
            ("service started anew", old.services, new.services),
            ("package", old.packages, new.packages),
            ("file", old.files, new.files),
        ):
            found += [
                f"{name}: {what}: {key}"
                for key in sorted(was.keys() | now.keys())
                if was.get(key) != now.get(key)
            ]
        found += [
            f"{name}: file written again: {path}"
            for path, changed in sorted(new.managed.items())
            if changed > old.taken
        ]
    return found
