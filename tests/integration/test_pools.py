"""Pools of real nodes: one node each, bare; given within a second, taken back, made anew."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deploykit.base.waiting import wait_until
from deploykit.providers.lxd.api import Lxd
from lxdsite import lxd_or_skip
from railway import SOLE, Railway, build

pytestmark = [pytest.mark.pods, pytest.mark.timeout(1200)]
POOLS = """\
hosts:
  this: {provider: lxd, memory: 4G, pods: 4, starts: 2}
pools:
  small: {environment: sole, bare: true, memory: 512M, ready: 1, max: 3, health: 1m}
"""


@pytest.fixture(scope="module")
def railway(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Railway]:
    """A site with a pool, and a server of it; at the end nothing of it is left."""
    lxd_or_skip()
    railway = build(checkout, tmp_path_factory.mktemp("pools") / "checkout", {"sole": SOLE})
    (railway.folder / "deploy-kit" / "pools.yml").write_text(POOLS)
    server = serve(railway)
    try:
        yield railway
    finally:
        end(server)
        railway("env", "down", "--all", "--yes")


def serve(railway: Railway) -> subprocess.Popen[str]:
    with (railway.folder.parent / "pool.log").open("a") as log:
        return subprocess.Popen([*railway.command, "pool", "run"], env=railway.env, stdout=log,
                                stderr=log, text=True, start_new_session=True)  # fmt: skip


def end(server: subprocess.Popen[str], number: int = signal.SIGTERM) -> None:
    if server.poll() is None:
        os.killpg(server.pid, number)
        server.wait(300)


def pods(railway: Railway) -> dict[str, str]:
    """The pods of the pool, and the state of each."""
    return {one["pod"]: one["state"] for one in railway.json("pool", "status")["pods"]}


def awaited(railway: Railway, states: list[str], seconds: float = 300.0) -> dict[str, str]:
    """The pods, once they are in these states."""
    found: dict[str, str] = {}

    def there() -> bool:
        found.clear()
        found.update(pods(railway))
        return sorted(found.values()) == states

    log = railway.folder.parent / "pool.log"
    assert wait_until(there, seconds, pause=1.0), (found, log.read_text())
    return found


def node_of(railway: Railway, pod: str) -> dict[str, Any]:
    """The container of a pod's node, as LXD has it."""
    lxd = Lxd()
    projects = [one["name"] for one in lxd.get("projects", recursion="1")
                if one["config"].get("user.deploykit.instance") == pod]  # fmt: skip
    assert len(projects) == 1, projects
    found: dict[str, Any] = lxd.get("instances/region", projects[0])
    return found


def test_pod_is_there_before_anybody_asks_and_is_had_within_a_second(railway: Railway) -> None:
    (warm,) = awaited(railway, ["ready"])
    began = time.monotonic()
    pod = railway.json("pod", "reserve", "--pool", "small", "--for", "look", "--until", "1h")
    took = time.monotonic() - began
    assert pod["pod"] == warm
    assert pod["waited"] < 1.0
    print(f"reserved in {pod['waited']:.3f} s, {took:.2f} s with the program's start")
    (node,) = pod["inventory"]
    done = subprocess.run(["ssh", "-F", pod["ssh_config"], node["name"], "hostname"],
                          capture_output=True, text=True, timeout=30, check=True)  # fmt: skip
    assert done.stdout.strip() == "region"
    listed = {one["pod"]: one for one in railway.json("pod", "list")}
    assert listed[warm]["purpose"] == "look"
    held = awaited(railway, ["held", "ready"])
    assert held[warm] == "held"
    railway("pod", "release", warm)
    found = awaited(railway, ["ready"])
    assert warm not in found


def test_pod_that_is_protected_is_refused_by_lxd_itself_too(railway: Railway) -> None:
    (warm,) = awaited(railway, ["ready"])
    railway("pod", "reserve", "--pool", "small", "--for", "look")
    railway("pod", "protect", warm, "--reason", "ada reads its logs")
    assert node_of(railway, warm)["config"]["security.protection.delete"] == "true"
    told = railway("env", "down", warm, "--yes", status=1).stderr
    assert "ada reads its logs" in told
    railway("pod", "release", warm)
    assert awaited(railway, ["held", "ready"])[warm] == "held"
    told = railway("pod", "drop", warm, "--yes", status=1).stderr
    assert "--count 1" in told
    railway("pod", "drop", warm, "--count", "1")
    assert warm not in awaited(railway, ["ready"])


def test_command_that_is_killed_gives_its_pod_back_and_a_killed_server_is_replaced(
    railway: Railway,
) -> None:
    awaited(railway, ["ready"])
    words = ("pod", "reserve", "--pool", "small", "--for", "load", "--", "sleep", "600")
    holder = railway.start(*words)
    held = awaited(railway, ["held", "ready"])
    (mine,) = [pod for pod, state in held.items() if state == "held"]
    os.killpg(holder.pid, signal.SIGKILL)
    holder.wait(20)
    assert mine not in awaited(railway, ["ready"])
    said = json.loads(railway("pool", "status", "--json").stdout)
    assert said["leader"]
