"""A deployer that is killed in the middle of day 0, on real nodes: what it left, and the next."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "support"))
from deploykit.base.waiting import wait_until
from lxdsite import lxd_or_skip
from railway import Railway, build

pytestmark = [pytest.mark.nodes, pytest.mark.timeout(1200)]
NIGHT = """\
name: night
networks:
  management: {cidr: 10.76.0.0/24}
nodes:
  salt: {roles: [master], at: 10, memory: 768M}
  region: {roles: [database, cache, identity, load-balancer], at: 11}
"""
TASKS = (1, 6, 12)  # the deployer is killed when day 0 is at this task
REACHED = 360.0  # seconds for day 0 to come to its task
ENDED = 10.0  # seconds for what a killed deployer started to end
# What is where on a node, whose and for whom; not what changes from one making to the next.
PLACES = (
    "find /etc /srv /opt/salt/bin /usr/local /root -xdev ! -path '*/minions*' ! -name '*.dpkg-*' "
    "! -path '/srv/kits/*' ! -path '/etc/ssl/certs/*' ! -name '.*.swp' -printf '%M %u:%g %p %l\\n' "
    "| sort; systemctl list-unit-files --state=enabled,masked --no-legend | sort"
)


@pytest.fixture(scope="module")
def region(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Railway]:
    """A checkout with the environment `night`, and no nodes yet; they are taken down afterwards."""
    lxd_or_skip()
    railway = build(checkout, tmp_path_factory.mktemp("night") / "checkout", {"night": NIGHT})
    try:
        yield railway
    finally:
        railway("env", "down", "night", "--yes")


def started_from(state: Path) -> list[str]:
    """The processes of this machine that were started with anything of `state`."""
    left = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(state) in words and ("ansible" in words or "bwrap" in words):
            left.append(words)
    return left


def day0_logs(region: Railway) -> set[Path]:
    """What day 0 of `night` wrote, a file per deployment. Kits that are unpacked beside the logs
    come and go while this looks, so it does not look there."""
    return set(region.state.glob("deploy-kit/*/logs/[0-9]*/night-day0.log"))


def kill_at_task(region: Railway, version: str, number: int) -> None:
    """Deploy, and kill the deployer alone (SIGKILL) once day 0 is at its `number`th task."""
    before = day0_logs(region)
    deployer = region.start("deploy", version, "night")

    def reached() -> bool:
        logs = day0_logs(region) - before
        there = sum(log.read_text().count("TASK [") for log in logs) >= number
        assert there or deployer.poll() is None, deployer.communicate()[0]
        return there

    try:
        assert wait_until(reached, REACHED, pause=0.05), f"day 0 never came to its task {number}"
        assert started_from(region.state)
    finally:
        os.kill(deployer.pid, signal.SIGKILL)
        deployer.wait()


def places(region: Railway) -> dict[str, list[str]]:
    return {n: region.on_node("night", n, PLACES).splitlines() for n in ("salt", "region")}


def test_day_0_that_is_killed_leaves_nothing_running_and_the_next_one_ends_as_if_undisturbed(
    region: Railway,
) -> None:
    version = region.cut()
    region("env", "up", "night")
    for number in TASKS:
        kill_at_task(region, version, number)
        ended = wait_until(lambda: not started_from(region.state), ENDED)
        assert ended, (f"killed at task {number}", started_from(region.state))
    region("env", "up", "night")
    region("deploy", version, "night")
    assert region.running("night") == version
    assert [record["result"] for record in region.evidence("smoke", "night")] == ["passed"]
    disturbed = places(region)
    for mark in region.state.rglob("day0"):
        mark.unlink()
    region("deploy", version, "night")
    (log, *_) = sorted(day0_logs(region), key=lambda at: -at.stat().st_mtime)
    recap = [line for line in log.read_text().splitlines() if " changed=" in line]
    assert len(recap) == 2 and all("changed=0" in line for line in recap), recap
    # The same on nodes that nobody disturbed.
    region("env", "down", "night", "--yes")
    region("env", "up", "night")
    region("deploy", version, "night")
    undisturbed = places(region)
    for name, lines in undisturbed.items():
        assert set(disturbed[name]) ^ set(lines) == set(), name
