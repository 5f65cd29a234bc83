from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from deploykit.base.times import utc_now
from deploykit.web.snapshot import Snapshot
from ledgerbook import Named
from webpages import snapshot_of
from webworld import Journey, journey

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("test", "staging", "production")


@pytest.fixture(scope="session")
def told() -> Journey:
    """The story of webworld.py, without a ledger."""
    return journey(utc_now() - timedelta(seconds=1))


@pytest.fixture(scope="session")
def snapshot(told: Journey) -> Snapshot:
    """What pages of the story are made of."""
    newest = [record.body for record in told.records if record.kind == "release"][-1]
    candidate = Named(newest["release"], newest["version"])
    return snapshot_of(told.records, NAMES, candidate, utc_now())


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; only where a test asks for it is Playwright imported."""
    from browsing import chromium

    with chromium() as started:
        yield started
