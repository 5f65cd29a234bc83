from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import postgres
import pytest
import sqlalchemy
from poolhands import PoolHouse, house


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a real PostgreSQL's database."""
    if postgres.programs() is None:
        if os.environ.get("CI"):
            pytest.fail("Debian's package postgresql is not installed")
        pytest.skip("Debian's package postgresql is not installed")
    with postgres.running() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def house_of_both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PoolHouse]:
    """Pools whose state is in a database of either kind, empty at first."""
    url = f"sqlite:///{tmp_path}/state.sqlite"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql")
        engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
        engine.dispose()
    with house(url, tmp_path) as made:
        yield made


@pytest.fixture
def pools(tmp_path: Path) -> Iterator[PoolHouse]:
    """Pools whose state is a file."""
    with house(f"sqlite:///{tmp_path}/state.sqlite", tmp_path) as made:
        yield made
