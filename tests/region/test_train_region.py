"""Three whole clouds on the train, as `make train-region` carries a release through them.

The site is deploy-kit/sites/region. The tests share it and go on where the one before ended, in the
order of this file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import cloud
import edge
import pytest
from cloud import LOSS_PER_CENT, Region, guests, pinging, reached, tenant
from lxdsite import lxd_or_skip
from railway import Railway, build
from tinyguest import Guest

pytestmark = [pytest.mark.train, pytest.mark.timeout(7200)]
LINE = ("test", "staging", "production")
TRAIN_TIMEOUT = 5400.0  # seconds; on two cores that do nothing else 25 minutes, from nothing
MEMORY = 5.5 * 2**30  # bytes, that each region may take
OF_SMOKE = "smoke-instance"  # what the content's smoke test calls all that it makes


@pytest.fixture(scope="module")
def line(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Railway]:
    """The site, with nothing of it up yet; taken down at the end, whatever happened."""
    lxd_or_skip()
    railway = build(checkout, tmp_path_factory.mktemp("line") / "checkout", {})
    site = checkout / "deploy-kit" / "sites" / "region" / "environments"
    shutil.copytree(site, railway.folder / "deploy-kit" / "environments", dirs_exist_ok=True)
    railway.commit("three regions")
    try:
        with mock.patch.dict(os.environ, XDG_STATE_HOME=str(railway.state)):
            yield railway
    finally:
        railway("env", "down", "--all", "--yes")


@dataclass(frozen=True, slots=True)
class Cloud:
    """A region of the line, with an instance in it that answers at `address`."""

    region: Region
    address: str


@pytest.fixture(scope="module")
def clouds(line: Railway, guest: Guest) -> Iterator[dict[str, Cloud]]:
    """Each region with somebody's instance, by the environment's name."""
    with ExitStack() as stack:
        found = {}
        for name in LINE:
            which = cloud.Instance(line.folder / "deploy-kit", name)
            region = stack.enter_context(reached(which))
            somebody = stack.enter_context(tenant(region, guest))
            found[name] = Cloud(region, somebody.settle("stays", "192.168.50.0/24"))
        yield found


def memory_of(line: Railway, environment: str) -> int:
    """Bytes that the nodes of an environment take, page cache included."""
    return sum(node["memory"] for node in line.json("env", "status", environment))


def left_of_smoke(region: Region) -> list[str]:
    """What the smoke test made and did not take away."""
    admin = region.admin()
    there = [
        *admin.compute.servers(all_projects=True),
        *admin.compute.flavors(is_public=None),
        *admin.image.images(),
        *admin.network.networks(),
        *admin.network.routers(),
        *admin.network.security_groups(),
    ]
    lent = [one.id for one in admin.network.ips() if one.description == OF_SMOKE]
    return [f"{type(one).__name__} {one.id}" for one in there if one.name == OF_SMOKE] + lent


def results(line: Railway, environment: str) -> dict[str, str]:
    """The last result of each check."""
    checks = ("smoke", "idempotence", "upgrade", "bootstrap")
    found = {check: line.evidence(check, environment) for check in checks}
    return {check: evidence[-1]["result"] for check, evidence in found.items() if evidence}


def test_first_train_brings_a_release_into_three_clouds(
    line: Railway, record_property: Any
) -> None:
    begun = time.monotonic()
    line("doctor", "--train")
    version = line.cut()
    line("env", "up", "--all", timeout=900)
    line("train", timeout=TRAIN_TIMEOUT)
    record_property("train_seconds", round(time.monotonic() - begun, 1))
    assert {name: line.running(name) for name in LINE} == dict.fromkeys(LINE, version)
    first = {"smoke": "passed", "bootstrap": "passed", "upgrade": "not-applicable"}
    for name in LINE[:2]:
        assert results(line, name) == {**first, "idempotence": "passed"}
    assert results(line, "production") == first


def test_bootstrap_is_tried_at_night_while_test_is_down(
    line: Railway, checkout: Path, record_property: Any
) -> None:
    version = line.running("test")
    before = len(line.evidence("bootstrap", "test"))
    begun = time.monotonic()
    done = beside(line, [checkout / "deploy-kit" / "jenkins" / "step", "bootstrap", "test"])
    assert done.returncode == 0, done.stdout + done.stderr
    record_property("bootstrap_seconds", round(time.monotonic() - begun, 1))
    assert line.running("test") == version
    evidence = line.evidence("bootstrap", "test")[before:]
    assert [(one["result"], one["copy"]) for one in evidence] == [("passed", False)]


def test_smoke_test_left_nothing_behind(clouds: dict[str, Cloud]) -> None:
    assert {name: left_of_smoke(one.region) for name, one in clouds.items()} == {
        name: [] for name in LINE
    }


def test_changed_line_goes_through_and_instances_notice_nothing(
    line: Railway, clouds: dict[str, Cloud], record_property: Any
) -> None:
    before = {name: guests(one.region) for name, one in clouds.items()}
    edge.restart_everything(line)
    version = line.cut()
    begun = time.monotonic()
    with ExitStack() as stack:
        pings = {
            name: stack.enter_context(pinging(one.region, one.address))
            for name, one in clouds.items()
        }
        line("train", timeout=TRAIN_TIMEOUT)
    record_property("changed_line_seconds", round(time.monotonic() - begun, 1))
    assert {name: line.running(name) for name in LINE} == dict.fromkeys(LINE, version)
    for name, sent in pings.items():
        record_property(f"lost_per_cent_{name}", sent.lost_per_cent)
    assert {name: sent for name, sent in pings.items() if sent.lost_per_cent > LOSS_PER_CENT} == {}
    assert {name: guests(one.region) for name, one in clouds.items()} == before
    assert [line.evidence("upgrade", name)[-1]["result"] for name in LINE] == ["passed"] * 3
    copies = [one["copy"] for name in LINE for one in line.evidence("upgrade", name)]
    assert not any(copies), "each deployment is the evidence for the next environment's"


def test_each_region_takes_no_more_memory_than_it_may(
    line: Railway, clouds: dict[str, Cloud], record_property: Any
) -> None:
    taken = {name: memory_of(line, name) for name in LINE}
    for name, bytes_taken in taken.items():
        record_property(f"memory_gib_{name}", round(bytes_taken / 2**30, 2))
    assert {name: one for name, one in taken.items() if one > MEMORY} == {}


def test_newest_release_comes_in_at_night_without_a_train(line: Railway, checkout: Path) -> None:
    edge.restart_everything(line)
    version = line.cut()
    done = beside(
        line,
        [sys.executable, "-m", "pytest", "-v", checkout / "tests/region/test_region_nightly.py"],
        DEPLOYKIT_SITE=str(line.folder / "deploy-kit"),
        DEPLOYKIT_REGION="test",
        DEPLOYKIT_RELEASE="latest",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert line.running("test") == version
    assert line.evidence("upgrade", "test")[-1]["result"] == "passed"


def test_openstack_s_own_tests_pass_in_a_region(
    line: Railway, checkout: Path, tmp_path: Path, record_property: Any
) -> None:
    results = tmp_path / "tempest.xml"
    begun = time.monotonic()
    done = beside(
        line,
        [sys.executable, "-m", "pytest", "-v", checkout / "tests/region/test_region_tempest.py"],
        DEPLOYKIT_SITE=str(line.folder / "deploy-kit"),
        DEPLOYKIT_REGION="test",
        DEPLOYKIT_TEMPEST=str(results),
    )
    record_property("tempest_seconds", round(time.monotonic() - begun, 1))
    assert done.returncode == 0, done.stdout + done.stderr
    line("evidence", "add", "tempest", "test", str(results))
    assert line.evidence("tempest", "test")[-1]["result"] == "passed"


def beside(
    line: Railway, argv: Sequence[str | Path], **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a program of this checkout on the site of these tests."""
    return subprocess.run(
        argv,
        cwd=line.folder,
        env={**line.env, "KIT": " ".join(line.command), **more},
        capture_output=True,
        text=True,
        timeout=TRAIN_TIMEOUT,
        check=False,
    )
