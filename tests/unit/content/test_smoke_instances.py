"""What the content's smoke test lends a region that has no external network."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from loosemodule import module_of

SMOKE = Path(__file__).resolve().parents[3] / "salt" / "smoke" / "test_instances.py"


@pytest.mark.parametrize(
    ("taken", "first", "last"),
    [
        ("10.60.2.31", "10.60.2.253", "10.60.2.254"),
        ("10.60.2.254", "10.60.2.252", "10.60.2.253"),
    ],
)
def test_addresses_that_are_lent_are_the_last_ones_that_no_node_has(
    taken: str, first: str, last: str
) -> None:
    nodes = {"compute1": {"addresses": {"external": taken}}, "odd": {"addresses": {}}}
    shown = f"4: eth3    inet {taken}/24 brd 10.60.2.255 scope global eth3"
    node = SimpleNamespace(check_output=lambda line, address: shown)
    pool = module_of(SMOKE).pool
    assert pool(SimpleNamespace(nodes=nodes), node, taken) == ("10.60.2.0/24", first, last)
