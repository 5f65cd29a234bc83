"""How the tests of a region become evidence, without a region."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from deploykit.evidence.junit import read_results

SESSION = """
import pytest
from resultsfile import SoFar

@pytest.fixture(scope="session")
def results(pytestconfig, tmp_path_factory):
    found = SoFar(pytestconfig, tmp_path_factory.mktemp("results") / "r.xml")
    yield found
    found.end()

@pytest.fixture
def so_far(results):
    return results.written()

@pytest.fixture
def region(results):
    return None

def test_before_the_region_stands(): pass
def test_right(region): pass
def test_wrong(region): assert False
def test_of_all(so_far): print(f"written: {so_far}")
def test_after(region): assert False
"""


def run(folder: Path, *words: str) -> str:
    """What a test session of its own prints."""
    support = Path(__file__).parents[2] / "support"
    env = {**os.environ, "PYTHONPATH": str(support), "PYTEST_ADDOPTS": ""}
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
    done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=60)
    return done.stdout


def test_results_so_far_are_those_of_the_tests_between_region_and_evidence(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SESSION)
    said = run(tmp_path, "-q", "-s", f"--basetemp={tmp_path / 'temp'}")
    file = next(line for line in said.splitlines() if "written: " in line).partition("written: ")[2]
    found = read_results(Path(file.strip()))
    assert (found.tests, found.failures, found.errors, found.skipped) == (2, 1, 0, 0)
    assert found.broken == ("test_it.test_wrong",) and found.stamped


@pytest.mark.parametrize("marks", ["region and not faults", "region"])
def test_evidence_comes_after_what_a_tenant_gets_and_before_the_upgrade(
    checkout: Path, marks: str
) -> None:
    said = run(checkout, "--collect-only", "-q", "-m", marks, "tests/region")
    files = [line.partition("::")[0] for line in said.splitlines() if "::test_" in line]
    order = [Path(file).stem for file in dict.fromkeys(files)]
    assert order[-2:] == ["test_region_evidence", "test_region_upgrade"]
    assert {"test_region_control", "test_region_instances", "test_region_traces"} < set(order)
    assert files.count("tests/region/test_region_evidence.py") == 1
    runs = [file for n, file in enumerate(files) if file != files[n - 1]]
    assert len(runs) == len(order), "the tests of one file stay together"
