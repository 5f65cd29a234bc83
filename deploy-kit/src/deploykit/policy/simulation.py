"""What if: an entry with more said than was, and history by another policy. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from deploykit.ledger import view
from deploykit.ledger.bodies import Edge, decision_body
from deploykit.ledger.records import Record, parse, render
from deploykit.ledger.schema import Phase, Purpose
from deploykit.policy.case import Case, Reason
from deploykit.policy.verdict import judge
from deploykit.site.promotion import Promotion

NOWHERE = "0" * 40  # the commit of a record that is in no ledger


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the past: its record, what stood against it by the policy of then, and what would
    have by another."""

    record: Record
    then: tuple[Reason, ...]
    now: tuple[Reason, ...]


def suppose(case: Case, approved_by: Iterable[str] = (), waived: Iterable[str] = ()) -> Case:
    """The case as if these people had approved, and these checks were waived by somebody else."""
    records = list(case.records)
    edge, release = Edge(case.over), case.release.digest
    words = [(who, decision_body("approve", environment=case.environment, release=release,
                                 edge=edge)) for who in approved_by]  # fmt: skip
    words += [("somebody", decision_body("waive", environment=case.environment, release=release,
                                         check=check, reason="supposed", edge=edge))
              for check in waived]  # fmt: skip
    for who, body in words:
        n = len(records)
        records.append(parse(render(n, case.now, who, body), n, NOWHERE))
    return replace(case, records=tuple(records))


def replay(records: Sequence[Record], policy: Mapping[str, Promotion]) -> tuple[Entry, ...]:
    """Every deploy and promotion that began, oldest first, judged as of then: by the policy that
    was in force, and by `policy`. Going back asks policy for nothing that another would change."""
    released = view.releases(records)
    entries = []
    for record in records:
        body = record.body
        if record.kind != "deploy" or body["phase"] != Phase.STARTED:
            continue
        if body["purpose"] == Purpose.ROLLBACK:
            continue
        entries.append(_judge(record, released[body["release"]], records[: record.n], policy))
    return tuple(entries)


def _judge(
    record: Record,
    release: view.Released,
    before: Sequence[Record],
    policy: Mapping[str, Promotion],
) -> Entry:
    name = record.body["environment"]
    left = view.in_flight(before, name)

    def reasons(rules: Mapping[str, Promotion]) -> tuple[Reason, ...]:
        rule = rules.get(name, Promotion())
        own = left.id if left is not None else None
        case = Case(release, name, before, record.time, rule, own, asker=record.actor)
        return judge(case).reasons

    return Entry(record, reasons(view.policy_in_force(before)), reasons(policy))
