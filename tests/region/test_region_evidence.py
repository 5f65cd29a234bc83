"""What the tests before this one found is evidence of the release that the region runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from cloud import Region
from railway import Railway
from resultsfile import SoFar

CHECK = "tenant"


@pytest.fixture
def so_far(results: SoFar) -> Path:
    """The results of all tests before the one that asks for this."""
    return results.written()


def test_results_of_these_tests_are_in_the_regions_ledger(
    own: Railway, region: Region, so_far: Path, request: pytest.FixtureRequest
) -> None:
    items = [item for item in request.session.items if item.path.parent == Path(__file__).parent]
    before = items.index(request.node)
    result = "failed" if request.session.testsfailed else "passed"
    name = region.inventory.environment.name
    own("evidence", "add", CHECK, name, str(so_far), status=int(result == "failed"))
    (found,) = own.evidence(CHECK, name)
    assert (found["version"], found["result"]) == (own.running(name), result)
    assert found["summary"].startswith(f"{before} tests: "), found["summary"]
    assert found["packages"]["identity"]["keystone"]
    assert found["packages"]["hypervisor"]["nova-compute"]
