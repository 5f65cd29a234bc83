"""Smoke: the release's own testinfra tests, run against the live nodes over SSH."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from deploykit.base.errors import DeployKitError
from deploykit.base.process import last_line, run
from deploykit.checks import FAILED, PASSED, Occasion, Outcome
from deploykit.logs.signatures import recognise, shipped
from deploykit.nodes.inventory import Inventory
from deploykit.nodes.looks import packages_by_role
from deploykit.release import Release
from deploykit.rollout.work import Work

TIMEOUT = 300.0  # seconds
NOTHING_COLLECTED = 5  # pytest's exit status


class Smoke:
    """The users' side: what the region is for works, and what it must refuse is refused."""

    name = "smoke"
    summary = "the release's own tests (salt/smoke) pass on the live nodes"
    on_copy = False

    def run(self, work: Work, occasion: Occasion) -> Outcome:
        assert occasion.live is not None
        with work.progress.step(f"{occasion.live.instance}: smoke test"):
            return smoke(work, occasion.release, occasion.live)


def smoke(work: Work, release: Release, inventory: Inventory) -> Outcome:
    """Run the release's smoke tests against `inventory`."""
    tests = release.unpacked(work.site) / "salt" / "smoke"
    if not tests.is_dir():
        raise DeployKitError(
            f"release {release.version} holds no smoke tests (salt/smoke)",
            "a release without them cannot be promoted",
        )
    log = work.log(f"{inventory.instance}-smoke")
    argv, env = command(tests, inventory)
    result = run(
        [*argv, f"--junitxml={log.with_suffix('.xml')}"],
        timeout=TIMEOUT,
        cwd=tests,
        env=env,
        log=log,
        check=False,
    )
    if result.returncode == NOTHING_COLLECTED:
        raise DeployKitError(f"release {release.version}: no smoke test was collected in {tests}")
    told = "; ".join(one.told for one in recognise(result.stdout, shipped("pytest.yml")))
    last = last_line(result.stdout) or "no output"
    return Outcome(
        PASSED if result.returncode == 0 else FAILED,
        told or last.strip("= "),
        packages_by_role(inventory),
    )


def command(tests: Path, inventory: Inventory) -> tuple[list[str], dict[str, str]]:
    """What runs the smoke tests in the folder `tests` against `inventory`: argv, environment."""
    argv = [
        *(sys.executable, "-m", "pytest", str(tests), "-q", "--tb=short", "--color=no"),
        *("-p", "no:cacheprovider", "--import-mode=importlib", "--rootdir", str(tests)),
        # Options of the caller's own test run must not leak into the release's.
        *("-c", "/dev/null", f"--ssh-config={inventory.ssh_config}"),
    ]
    env = {
        "DEPLOYKIT_INVENTORY": str(inventory.folder / "inventory.json"),
        "DEPLOYKIT_VIRTUAL": json.dumps(inventory.environment.virtual),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_ADDOPTS": "",
    }
    return argv, env
