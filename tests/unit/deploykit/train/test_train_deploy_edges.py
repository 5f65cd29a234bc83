"""What a deployment is evidence of: what the ledger tells, held against what the nodes have."""

from __future__ import annotations

import pytest
from deploykit.train.deploy import Edge, edge_of

OLD, NEW, ODD = ("sha256:" + mark * 64 for mark in "abc")


@pytest.mark.parametrize(
    ("told", "there", "edge"),
    [
        (None, None, Edge(None, True)),
        (OLD, OLD, Edge(OLD, True)),
        # The nodes are gone and were made anew: the ledger's word proves nothing of an upgrade.
        (OLD, None, Edge(None, True)),
        # Cut off between `current` and `finished`: the upgrade did happen.
        (OLD, NEW, Edge(OLD, True)),
        # Deployed again, or over something that the ledger does not know.
        (NEW, NEW, Edge(NEW, False)),
        (OLD, ODD, Edge(OLD, False)),
        (NEW, ODD, Edge(NEW, False)),
    ],
)
def test_edge_counts_only_where_nodes_and_ledger_agree_on_it(
    told: str | None, there: str | None, edge: Edge
) -> None:
    assert edge_of(told, there, NEW, bare=True) == edge
