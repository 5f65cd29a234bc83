"""The region under test and a tenant in it.

Without more said these tests bring up a region of their own, from nothing, and take it down: of
the environment `minimal`, or of DEPLOYKIT_REGION_VARIANT.
DEPLOYKIT_REGION=NAME uses the one that stands (of DEPLOYKIT_SITE, by default this checkout's).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import cloud
import edge
import pytest
from cloud import Region, Tenant, reached, tenant
from deploykit.providers import resolve_instance
from deploykit.site import open_site
from railway import Railway, build
from resultsfile import SoFar
from tinyguest import Guest, tiny_guest

BOOTSTRAP_TIMEOUT = 2400.0  # seconds
SITE = Path(__file__).parents[2] / "deploy-kit"
KEEP = "DEPLOYKIT_REGION_KEEP"  # set: the region stays when the tests are over, to look at
VARIANT = os.environ.get("DEPLOYKIT_REGION_VARIANT") or "minimal"
# Two servers that have to be apart (`pair`) keep a hypervisor of two from being emptied.
FIRST = ("test_region_moves.py",)
# Evidence of a release is what was found before the next one came.
LAST = ("test_region_evidence.py", "test_region_upgrade.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in here:
        item.add_marker(pytest.mark.region)
        item.add_marker(pytest.mark.timeout(BOOTSTRAP_TIMEOUT + 600))
    lacking = lacked()
    left = [item for item in here if lacking.intersection(m.name for m in item.iter_markers())]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]
    items.sort(key=lambda item: place(item.path.name))


def place(module: str) -> int:
    """Where the tests of a module come among all others."""
    return LAST.index(module) + 1 if module in LAST else -int(module in FIRST)


def lacked() -> set[str]:
    """The markers of tests that need what their region has not, or what nobody asked for."""
    site = open_site(Path(os.environ.get(cloud.SITE) or SITE))
    environment, _ = resolve_instance(site, os.environ.get(cloud.INSTANCE) or VARIANT)
    there = {
        "volumes": bool(environment.with_role("volume")),
        "stacks": bool(environment.with_role("orchestration")),
        "ha": len(environment.with_role("identity")) > 1,
        "nightly": bool(os.environ.get("DEPLOYKIT_RELEASE")),
        "tempest": bool(os.environ.get("DEPLOYKIT_TEMPEST")),
    }
    return {marker for marker, has in there.items() if not has}


@pytest.fixture(scope="session")
def railway(
    checkout: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    record_testsuite_property: Any,
) -> Iterator[Railway | None]:
    """A region of these tests' own, from nothing; None where DEPLOYKIT_REGION names another.

    Where its upgrade is among the tests, it begins as the release before.
    """
    if os.environ.get(cloud.INSTANCE):
        yield None
        return
    text = (checkout / "deploy-kit" / "environments" / f"{VARIANT}.yml").read_text()
    text = text.replace("provider: vagrant", "provider: lxd")
    made = build(checkout, tmp_path_factory.mktemp("region") / "checkout", {VARIANT: text})
    if any(item.path.name == "test_region_upgrade.py" for item in request.session.items):
        edge.before(made)
    try:
        begun = time.monotonic()
        made("env", "up", VARIANT, timeout=BOOTSTRAP_TIMEOUT)  # the image of the release before too
        made("deploy", made.cut(), VARIANT, timeout=BOOTSTRAP_TIMEOUT)
        record_testsuite_property("bootstrap_seconds", round(time.monotonic() - begun, 1))
        yield made
    finally:
        if not os.environ.get(KEEP):
            made("env", "down", VARIANT, "--yes", timeout=300)


@pytest.fixture(scope="session")
def own(railway: Railway | None) -> Railway:
    if railway is None:
        pytest.skip("only on a region of the tests' own: a named one is not changed")
    return railway


@pytest.fixture(scope="session")
def results(
    railway: Railway | None, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SoFar]:
    """What the tests have found since the region stands."""
    found = SoFar(pytestconfig, tmp_path_factory.mktemp("results") / "region.xml")
    yield found
    found.end()


@pytest.fixture(scope="session")
def region(checkout: Path, railway: Railway | None, results: SoFar) -> Iterator[Region]:
    if railway is None:
        with reached(cloud.named(checkout)) as found:
            yield found
    else:
        with mock.patch.dict(os.environ, XDG_STATE_HOME=str(railway.state)):
            instance = cloud.Instance(railway.folder / "deploy-kit", VARIANT)
            with reached(instance) as found:
                yield found


@pytest.fixture(scope="session")
def guest() -> Guest:
    return tiny_guest()


@pytest.fixture(scope="session")
def someone(region: Region, guest: Guest) -> Iterator[Tenant]:
    with tenant(region, guest) as found:
        yield found


@dataclass(frozen=True, slots=True)
class Pair:
    """Two servers of one network on two hypervisors, ready; the first with a floating IP."""

    tenant: Tenant
    first: Any
    second: Any
    consoles: dict[str, str]
    address: str


@pytest.fixture(scope="session")
def pair(someone: Tenant) -> Pair:
    """Pings are let in by a rule of the default group, nothing else is."""
    api = someone.cloud
    net, _, _ = someone.network("tenant", "192.168.50.0/24")
    someone.letting_in()
    apart = api.compute.create_server_group(name="apart", policy="anti-affinity")
    servers = [
        someone.boot(name, net.id, scheduler_hints={"group": apart.id})
        for name in ("first", "second")
    ]
    consoles = {server.name: someone.ready(server) for server in servers}
    floating = someone.floating(servers[0])
    return Pair(someone, servers[0], servers[1], consoles, floating.floating_ip_address)
