"""`step bootstrap` and `step nightly` of Jenkins and timers: what is called, and what is told."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

# Notes what it is called with; fails where a word of $BROKEN is among it.
PROGRAM = """#!/bin/sh
echo "NAME $* [$DEPLOYKIT_REGION $DEPLOYKIT_RELEASE]" >>"$CALLS"
case "$*" in *"$BROKEN"*) exit 1 ;; esac
case "$*" in *test_region_tempest*) : >"$DEPLOYKIT_TEMPEST" ;; esac
case "$1" in status) echo '[{"environment": "dev", "version": "2026.48.2"},
  {"environment": "ha", "version": null}]' ;; esac
"""


@dataclass(frozen=True, slots=True)
class Step:
    """The script in a folder of its own; the programs that it calls only note it."""

    script: Path
    folder: Path

    def __call__(self, *words: str, broken: str = "nothing") -> subprocess.CompletedProcess[str]:
        env = {
            "PATH": os.environ["PATH"],
            "CALLS": str(self.folder / "calls"),
            "BROKEN": broken,
            "KIT": str(self.folder / "kit"),
            "PYTEST": str(self.folder / "pytest"),
        }
        return subprocess.run(
            [self.script, *words],
            cwd=self.folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    @property
    def calls(self) -> list[str]:
        lines = (self.folder / "calls").read_text().splitlines()
        return [line for line in lines if not line.startswith("kit status")]


@pytest.fixture
def step(checkout: Path, tmp_path: Path) -> Step:
    for name in ("kit", "pytest"):
        (tmp_path / name).write_text(PROGRAM.replace("NAME", name))
        (tmp_path / name).chmod(0o755)
    return Step(checkout / "deploy-kit" / "jenkins" / "step", tmp_path)


def test_bootstrap_makes_the_nodes_anew_with_what_ran_there(step: Step) -> None:
    done = step("bootstrap", "dev")
    assert done.returncode == 0, done.stderr
    assert step.calls == ["kit env rebuild dev --yes [ ]", "kit deploy 2026.48.2 dev [ ]"]


def test_bootstrap_of_what_never_ran_destroys_nothing(step: Step) -> None:
    done = step("bootstrap", "ha")
    assert done.returncode == 1
    assert "no release runs in ha" in done.stderr
    assert not (step.folder / "calls").read_text().count("rebuild")


def test_night_brings_the_release_tests_it_and_tells(step: Step) -> None:
    done = step("nightly", "dev~lxd")
    assert done.returncode == 0, done.stderr
    results = "--junitxml logs/nightly-dev~lxd"
    assert step.calls == [
        "kit env up dev~lxd [ ]",
        f"pytest tests/region/test_region_nightly.py {results}-upgrade.xml [dev~lxd latest]",
        f"pytest -m region and not (faults or train) tests/region {results}-tests.xml [dev~lxd ]",
        "kit evidence add region dev~lxd logs/nightly-dev~lxd-tests.xml [dev~lxd ]",
        "pytest tests/region/test_region_tempest.py [dev~lxd ]",
        "kit evidence add tempest dev~lxd logs/nightly-dev~lxd-tempest.xml [dev~lxd ]",
        "kit evidence gather alerts dev~lxd [dev~lxd ]",
    ]
    report = (step.folder / "logs" / "nightly-dev~lxd.txt").read_text()
    assert report in done.stdout
    told = report.splitlines()[1:]
    steps = ("nodes", "upgrade", "tests", "evidence", "tempest", "evidence of tempest", "alerts")
    assert told == [f"passed: {what}" for what in steps]


def test_night_goes_on_after_a_test_that_failed_and_says_so(step: Step) -> None:
    done = step("nightly", "dev", broken="tests/region --junitxml")
    assert done.returncode == 1
    assert "failed: tests: " in done.stdout and "passed: alerts" in done.stdout


def test_night_whose_tempest_did_not_begin_has_no_evidence_of_it(step: Step) -> None:
    done = step("nightly", "dev", broken="test_region_tempest")
    assert done.returncode == 1
    assert "failed: tempest: " in done.stdout and "passed: alerts" in done.stdout
    assert not [call for call in step.calls if "evidence add tempest" in call]


def test_night_ends_where_the_release_did_not_come_in(step: Step) -> None:
    done = step("nightly", "dev", broken="test_region_nightly")
    assert done.returncode == 1
    assert "failed: upgrade: " in done.stdout and "tests" not in done.stdout.splitlines()[-1][:14]


def test_first_night_is_a_deployment_without_an_instance_to_watch(step: Step) -> None:
    step("nightly", "ha")
    assert step.calls[1] == "kit deploy latest ha [ha ]"
