"""What if: an entry with more said than was, and history by another policy. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from deploykit.ledger import view
from deploykit.ledger.bodies import Edge, decision_body
from deploykit.ledger.records import Record, parse, render
from deploykit.ledger.schema import Phase, Purpose
from deploykit.ledger.selection import Prolonged, select
from deploykit.policy.case import Case, Reason
from deploykit.policy.replay import past_case
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
    more: list[Record] = []
    edge, release = Edge(case.over), case.release.digest
    words = [(who, decision_body("approve", environment=case.environment, release=release,
                                 edge=edge)) for who in approved_by]  # fmt: skip
    words += [("somebody", decision_body("waive", environment=case.environment, release=release,
                                         check=check, reason="supposed", edge=edge))
              for check in waived]  # fmt: skip
    for who, body in words:
        n = len(case.records) + len(more)
        more.append(parse(render(n, case.now, who, body), n, NOWHERE))
    return replace(case, records=Prolonged(case.records, more))


def replay(records: Sequence[Record], policy: Mapping[str, Promotion]) -> tuple[Entry, ...]:
    """Every deploy and promotion that began, oldest first, judged as of then: by the policy that
    was in force, and by `policy`. Going back asks policy for nothing that another would change."""
    began = select(records, "deploy", topics=(Phase.STARTED,))
    forward = (entry for entry in began if entry.body["purpose"] != Purpose.ROLLBACK)
    return tuple(_judge(records, entry, policy) for entry in forward)


def _judge(records: Sequence[Record], entry: Record, policy: Mapping[str, Promotion]) -> Entry:
    name = entry.body["environment"]
    then = past_case(records, entry, view.policy_in_force(records[: entry.n]))
    now = replace(then, rule=policy.get(name, Promotion()))
    return Entry(entry, judge(then).reasons, judge(now).reasons)
