"""`doctor --train`: what the train passes is added up, and a machine without room is a problem."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.doctor.train import check_train, train_finding
from deploykit.host.finding import Level
from deploykit.host.fit import Machine
from deploykit.site import Site, open_site
from deploykit.site.environment import Node, chain

GIB = 2**30
REGION = [Node("controller", ("master",), 11, "3G"), Node("compute1", ("hypervisor",), 31, "1G")]
ROLES = {"master": 4 * GIB, "hypervisor": 2 * GIB}


@pytest.fixture
def site(checkout: Path) -> Site:
    return open_site(checkout / "deploy-kit" / "sites" / "region")


def room(memory: float, disk: float = 50) -> Machine:
    """A machine with so many GiB free."""
    return Machine(int(memory * GIB), int(disk * GIB), (), tun=True)


def test_environments_that_fit_one_by_one_and_not_together_are_a_problem() -> None:
    waiting = {"test": REGION, "staging": REGION, "production": REGION}
    for name in waiting:
        assert train_finding({name: REGION}, ROLES, room(12)).level is Level.OK
    told = train_finding(waiting, ROLES, room(12))
    assert told.level is Level.PROBLEM
    assert "no room for test, staging, production side by side: memory: 6 nodes" in told.detail
    assert train_finding(waiting, ROLES, room(13)).level is Level.OK


def test_memory_for_the_trains_own_work_is_kept() -> None:
    assert train_finding({"test": REGION}, ROLES, room(4.9)).level is Level.PROBLEM
    assert train_finding({"test": REGION}, ROLES, room(5.0)).level is Level.OK


def test_disk_counts_too() -> None:
    told = train_finding({"test": REGION}, ROLES, room(12, disk=1))
    assert told.level is Level.PROBLEM and "disk: 2 nodes take 2 GiB" in told.detail


def test_nodes_that_run_take_nothing_more() -> None:
    assert train_finding({"test": [], "staging": REGION}, ROLES, room(5)).level is Level.OK
    told = train_finding({"test": [], "staging": []}, ROLES, room(0, disk=0))
    assert (told.level, told.detail) == (Level.OK, "every node of test, staging runs")


def test_shipped_regions_take_what_the_guide_says_and_are_all_counted(
    site: Site, checkout: Path
) -> None:
    told = check_train(site, list(site.environments().values()), free=100 * GIB, ready=False)
    assert "9 nodes" in told.detail and "test, staging, production" in told.detail
    limits = [int((node.memory or "").rstrip("M")) for env in chain(site.environments())
              for node in env.nodes]  # fmt: skip
    assert sum(limits[:3]) <= 5.5 * 1024 and sum(limits) <= 17 * 1024
    assert "17 GiB" in (checkout / "docs" / "region.md").read_text()


def test_regions_are_each_what_the_smallest_region_is(site: Site, checkout: Path) -> None:
    minimal = open_site(checkout / "deploy-kit").environment("minimal")
    line = chain(site.environments())
    assert [one.name for one in line] == ["test", "staging", "production"]
    shapes = {tuple((node.name, node.roles) for node in one.nodes) for one in (minimal, *line)}
    assert len(shapes) == 1
    assert len({one.settings[0].file.resolve() for one in line}) == 1
    # Flavors and networks are each environment's own.
    shared = {one.key for one in minimal.settings if one.path[0] != "cloud"}
    assert shared <= {one.key for one in line[0].settings}
    for one in line[1:]:
        assert set(one.promotion.checks) == {"smoke", "idempotence", "upgrade"}
