"""The content rendered by Salt as the nodes have it, for every topology."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import rendered
from rendering import read_role_map
from topologies import TOPOLOGIES


@pytest.fixture(scope="session")
def role_map(checkout: Path) -> dict[str, Any]:
    return read_role_map(checkout)


Render = Callable[[str], rendered.Nodes]


@pytest.fixture(scope="session")
def render(checkout: Path, role_map: dict[str, Any]) -> Render:
    """What Salt makes of the content for a topology, by minion; read once, from the cache."""
    key = rendered.digest(checkout)

    @cache
    def nodes(topology: str) -> rendered.Nodes:
        asked = {role for roles in TOPOLOGIES[topology].nodes.values() for role in roles}
        assert asked <= set(role_map["roles"]), "rendering would leave out what is not there"
        return rendered.render(checkout, topology, key)

    return nodes
