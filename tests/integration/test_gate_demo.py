"""`make gate-demo`, as a person calls it: what its end says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.gerrit, pytest.mark.timeout(1200)]

RECIPE = re.compile(r"^gate-demo:.*\n\t@PYTHONPATH=(\S+) \$\(bin\)/python (\S+)$", re.MULTILINE)
MERGED = {
    "A good change", "Ten in words", "First of a circle", "Second of a circle",
    "Third of a circle", "Behind all of them",
}  # fmt: skip
LEFT = {"A bad change", "Ten in German: a conflict"}


def test_demo_ends_with_the_right_changes_merged_pins_moved_and_a_release_on_its_way(
    checkout: Path,
) -> None:
    found = RECIPE.search((checkout / "Makefile").read_text())
    assert found is not None
    path = os.pathsep.join([found[1], os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "PYTHONPATH": path, "GATE_DEMO_NODES": "0"}
    done = subprocess.run(
        [sys.executable, found[2]], cwd=checkout, env=env, timeout=1100, capture_output=True,
        text=True,
    )  # fmt: skip
    said = done.stdout
    assert done.returncode == 0, said + done.stderr
    assert "as it should be" in said
    ends = re.findall(r"^ *\d+ (MERGED|NEW) +(.+)$", said, re.MULTILINE)
    assert {subject for status, subject in ends if status == "MERGED"} == MERGED
    assert {subject for status, subject in ends if status == "NEW"} == LEFT
    # Live: the queue was seen with several of them, the circle as one item.
    assert re.search(r"^integrated \(master\): [5-8] items, window", said, re.MULTILINE)
    assert re.search(r"^  \d+\+\d+\+\d+ ", said, re.MULTILINE)
    pins = said.split("pins.yml of demo/beta:")[1]
    assert len(re.findall(r"branch: [0-9a-f]{40}", pins)) >= 2
    version = re.search(r"^release (\S+)$", said, re.MULTILINE)
    assert version and f"its way to test: deploy-kit train {version[1]} --to test" in said
