"""Salt as the nodes have it, and the content rendered by it for two topologies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rendering import read_role_map, render_topology, salt_of_the_image
from topologies import TOPOLOGIES


@pytest.fixture(scope="session")
def salt_packages() -> Path:
    """The site-packages of the node image's Salt, unpacked once per version in the cache."""
    return salt_of_the_image()


@pytest.fixture(scope="session")
def role_map(checkout: Path) -> dict[str, Any]:
    return read_role_map(checkout)


Render = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="session")
def render(
    checkout: Path,
    salt_packages: Path,
    role_map: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Render:
    """What Salt makes of the content for a topology, by minion; each topology is rendered once."""
    done: dict[str, dict[str, Any]] = {}

    def rendered(topology: str) -> dict[str, Any]:
        if topology not in done:
            scratch = tmp_path_factory.mktemp(topology)
            done[topology] = render_topology(
                checkout, TOPOLOGIES[topology], role_map, salt_packages, scratch
            )
        return done[topology]

    return rendered
