"""The train on one small environment: part of `make test`; test_train.py goes through all of it.

No other environment is promoted to from it, so a train has to be told where to end. The tests share
the environment and go on where the one before ended, in the order of this file.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxdsite import lxd_or_skip
from railway import SOLE, Railway, build

pytestmark = [pytest.mark.train, pytest.mark.core, pytest.mark.timeout(2700)]
LINE = "grep ^-m /etc/memcached.conf"


@pytest.fixture(scope="module")
def railway(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Railway]:
    """The environment, up and with a release cut; taken down at the end, whatever happened."""
    lxd_or_skip()
    folder = tmp_path_factory.mktemp("sole") / "checkout"
    railway = build(checkout, folder, {"sole": SOLE})
    try:
        railway.cut()
        railway("env", "up", "sole")
        yield railway
    finally:
        railway("env", "down", "sole", "--yes")


def results(railway: Railway) -> dict[str, str]:
    """The last result of each check."""
    checks = ("smoke", "upgrade", "bootstrap")
    found = {check: railway.evidence(check, "sole") for check in checks}
    return {check: evidence[-1]["result"] for check, evidence in found.items() if evidence}


def test_first_train_deploys_and_records_its_checks(railway: Railway) -> None:
    version = railway.json("release", "show", "latest")["version"]
    railway("train", "--to", "sole")
    assert railway.running("sole") == version
    assert results(railway) == {
        "smoke": "passed",
        "bootstrap": "passed",
        "upgrade": "not-applicable",
    }
    assert railway.on_node("sole", "region", "systemctl is-active keystone").strip() == "active"


def test_train_without_changes_does_nothing(railway: Railway) -> None:
    before = len(railway.json("history"))
    began = time.monotonic()
    railway("train", "--to", "sole")
    assert len(railway.json("history")) == before
    assert time.monotonic() - began < 20


def test_changed_line_goes_through_as_an_upgrade(railway: Railway) -> None:
    railway.change("salt/pillar/memcached.sls", "memory: 64", "memory: 66")
    version = railway.cut()
    railway("train", "--to", "sole")
    assert railway.running("sole") == version
    assert railway.on_node("sole", "region", LINE).split()[1] == "66"
    assert results(railway)["upgrade"] == "passed"


def test_node_that_nobody_touched_has_not_drifted(railway: Railway) -> None:
    seen = railway.json("drift", "sole")
    assert (seen["findings"], seen["nodes"]) == ([], ["region"])
    assert railway.json("ledger", "show", str(seen["record"]))["clean"] is True


def test_rollback_brings_back_what_ran_before(railway: Railway) -> None:
    railway("rollback", "sole")
    assert railway.on_node("sole", "region", LINE).split()[1] == "64"
    railway("ledger", "verify")
