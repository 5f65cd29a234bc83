"""A comparison put on record: an observation of the first environment, against the second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from deploykit.base.errors import Refused
from deploykit.base.printable import one_line
from deploykit.care.compare import Difference
from deploykit.care.compare.look import Comparison
from deploykit.ledger import Body, Ledger, view
from deploykit.ledger.bodies import observation_body
from deploykit.ledger.records import Record
from deploykit.ledger.schema import Subject

SHOWN = 6  # differences that a record tells, by a line each
LONGEST = 160  # characters of such a line
NOTHING = "(nothing)"


def record_comparison(ledger: Ledger, found: Comparison) -> Record:
    """Put on record what differs that is not to be expected.

    Raises Refused if either environment was deployed to meanwhile: nobody knows what was compared.
    """

    def decide(records: Sequence[Record], now: datetime) -> Body:
        for name, release in zip(found.environments, found.releases, strict=True):
            runs = view.running(records, name)
            if runs is None or runs.digest != release or view.in_flight(records, name):
                raise Refused(f"{name} was deployed to meanwhile", "compare them again")
        return observation_body(
            Subject.COMPARISON,
            environment=found.environments[0],
            release=found.releases[0],
            seconds=found.seconds,
            summary=summary_of(found),
            nodes=count_by_node(found),
            against=(found.environments[1], found.releases[1]),
        )

    return ledger.append(decide)


def count_by_node(found: Comparison) -> dict[str, int]:
    """How many unexpected differences each node of the first environment has; those of no node are
    its master's."""
    pairs = [one.nodes or (found.master,) for one in found.unexpected]
    return dict(Counter(pair.partition("|")[0] for nodes in pairs for pair in nodes))


def summary_of(found: Comparison) -> str:
    """What differs in a few lines, for a record: no line of a file, nothing long."""
    told = [_line(one) for one in found.unexpected]
    expected = len(found.differences) - len(told)
    if not told:
        return f"nothing but {expected} things that are to be expected"
    more = [f"and {len(told) - SHOWN} more"] if len(told) > SHOWN else []
    return "\n".join([*told[:SHOWN], *more])


def _line(one: Difference) -> str:
    roles = f"{', '.join(one.roles)}: " if one.roles else ""
    sides = [side.splitlines() for side in (one.first, one.second)]
    if max(map(len, sides)) > 1:
        said = "lines differ"
    else:
        said = " | ".join(one_line(side) or NOTHING for side in (one.first, one.second))
    return one_line(f"{roles}{one.kind} {one.what}: {said}", LONGEST)
