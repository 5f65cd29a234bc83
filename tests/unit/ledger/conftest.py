from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.ledger import Ledger
from deploykit.site import Site
from deploykit.site.keys import Key
from ledgerbook import Keys, make_key, make_site


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """A key pair by its principal, made once."""
    folder = tmp_path_factory.mktemp("keys")
    made: dict[str, Key] = {}

    def key(principal: str) -> Key:
        if principal not in made:
            made[principal] = make_key(folder, principal)
        return made[principal]

    return key


@pytest.fixture
def ann(keys: Keys) -> Key:
    return keys("ann@here")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path)


@pytest.fixture
def ledger(site: Site, ann: Key) -> Ledger:
    """A ledger that ann began."""
    return Ledger.open(site, ann)
