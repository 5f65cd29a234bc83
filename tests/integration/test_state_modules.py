"""State modules come to a minion with the release that is applied, and go with it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "support"))
from lxdsite import lxd_or_skip
from railway import Railway, deployed

pytestmark = [pytest.mark.nodes, pytest.mark.timeout(2700)]
SOLO = """\
name: solo
packages: installed
networks:
  management: {cidr: 10.76.0.0/24}
nodes:
  all: {roles: [master, database, cache, identity, load-balancer], at: 10}
"""
SALT = "/opt/salt/bin/salt --out=json --static -t 300 all"


@pytest.fixture(scope="module")
def region(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Railway]:
    """One node with little on it, deployed; taken down afterwards."""
    lxd_or_skip()
    folder = tmp_path_factory.mktemp("solo") / "checkout"
    with deployed(checkout, folder, "solo", SOLO) as found:
        yield found


def comment(region: Railway, call: str, result: bool | None = True) -> str:
    """What the state that looks after memcached's age said, of a call of Salt."""
    answer = json.loads(region.on_node("solo", "all", f"{SALT} {call}"))["all"]
    (found,) = [one for key, one in answer.items() if "memcached_service_current" in key]
    assert found["result"] is result, found
    return str(found["comment"])


def test_restart_that_a_run_left_out_names_the_file(region: Railway) -> None:
    region.on_node("solo", "all", "touch /etc/memcached.conf")  # as a run that was cut off does
    why = "/etc/memcached.conf is newer"
    assert comment(region, "state.apply test=True", None) == f"would be restarted: {why}"
    assert comment(region, "state.apply") == f"restarted: {why}"
    assert comment(region, "state.apply") == "as wanted"


def test_modules_on_a_minion_are_those_of_the_release_that_is_applied(region: Railway) -> None:
    first = region.running("solo")
    assert comment(region, "state.apply memcached") == "as wanted"
    region.change("salt/states/_states/unit.py", '"as wanted"', '"as new as its files"')
    region("deploy", region.cut(), "solo")
    assert comment(region, "state.apply memcached") == "as new as its files"
    later = region.on_node("solo", "all", "basename $(readlink -f /srv/kits/current)").strip()
    region("rollback", "solo")
    assert region.running("solo") == first
    assert comment(region, "state.apply memcached") == "as wanted"
    # As a deployment of it that failed leaves it.
    region.on_node("solo", "all", f"{SALT} saltutil.sync_all saltenv={later}")
    assert comment(region, "state.apply memcached") == "as new as its files"
    assert comment(region, "state.apply") == "as wanted"
