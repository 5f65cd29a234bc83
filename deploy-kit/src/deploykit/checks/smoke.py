"""Smoke: the release's own testinfra tests, run against the live nodes over SSH."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from deploykit.base.errors import DeployKitError
from deploykit.base.process import Result, last_line
from deploykit.checks import FAILED, PASSED, Occasion, Outcome
from deploykit.logs.signatures import recognise, shipped
from deploykit.nodes.confined import RESULTS, confined
from deploykit.nodes.inventory import Inventory, tests_environment
from deploykit.nodes.packages import packages_by_role
from deploykit.release import Release
from deploykit.rollout.work import Work

TIMEOUT = 600.0  # seconds; an instance under emulation takes most of them on a busy machine
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
    """Run the release's smoke tests against `inventory`, in a sandbox."""
    tests = release.unpacked(work.site).resolve() / "salt" / "smoke"
    if not tests.is_dir():
        raise DeployKitError(
            f"release {release.version} holds no smoke tests (salt/smoke)",
            "a release without them cannot be promoted",
        )
    log = work.log(f"{inventory.instance}-smoke")
    result = run_tests(tests, inventory, release.readable(work.site), log)
    if result.returncode == NOTHING_COLLECTED:
        raise DeployKitError(f"release {release.version}: no smoke test was collected in {tests}")
    told = "; ".join(one.told for one in recognise(result.stdout, shipped("pytest.yml")))
    last = last_line(result.stdout) or "no output"
    return Outcome(
        PASSED if result.returncode == 0 else FAILED,
        told or last.strip("= "),
        packages_by_role(inventory),
    )


def run_tests(tests: Path, inventory: Inventory, shown: Sequence[Path], log: Path) -> Result:
    """Run pytest on the folder `tests`, which may read the folders `shown`; results in `log`'s
    .xml."""
    with confined(inventory, shown) as place:
        argv, env = command(tests, place.folder, inventory)
        return place.run(
            [*argv, f"--junitxml={RESULTS}"],
            timeout=TIMEOUT,
            cwd=tests,
            env=env,
            log=log,
            results=log.with_suffix(".xml"),
        )


def command(tests: Path, instance: Path, inventory: Inventory) -> tuple[list[str], dict[str, str]]:
    """What runs the smoke tests in the folder `tests`: argv, environment.

    `instance` is the folder with the ssh_config and the nodes of the instance whose `inventory` it
    is.
    """
    argv = [
        *(sys.executable, "-m", "pytest", str(tests), "-q", "--tb=short", "--color=no"),
        *("-p", "no:cacheprovider", "--import-mode=importlib", "--rootdir", str(tests)),
        # Options of the caller's own test run must not leak into the release's.
        *("-c", "/dev/null", f"--ssh-config={instance / 'ssh_config'}"),
    ]
    env = {
        **tests_environment(instance, inventory),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_ADDOPTS": "",
    }
    return argv, env
