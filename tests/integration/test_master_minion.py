"""A node that is Salt master and everything else: deployed, developed on, rebooted."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "support"))
from lxdsite import lxd_or_skip
from railway import Railway, deployed

pytestmark = [pytest.mark.nodes, pytest.mark.timeout(2700)]
ALONE = """\
name: alone
packages: installed
networks:
  management: {cidr: 10.74.0.0/24}
nodes:
  all: {roles: [master, database, cache, identity, load-balancer], at: 10}
"""


@pytest.fixture(scope="module")
def region(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Railway]:
    """A region of one node, deployed; taken down afterwards."""
    lxd_or_skip()
    folder = tmp_path_factory.mktemp("alone") / "checkout"
    with deployed(checkout, folder, "alone", ALONE) as found:
        yield found


def test_region_of_one_node_is_deployed_and_passes_its_smoke_test(region: Railway) -> None:
    (smoke,) = region.evidence("smoke", "alone")
    assert smoke["result"] == "passed"
    assert "keystone" in smoke["packages"]["identity"]
    units = "systemctl is-active salt-master salt-minion"
    assert region.on_node("alone", "all", units).split() == ["active", "active"]


def test_its_own_key_is_the_only_one_invited(region: Railway) -> None:
    keys = "cat /etc/salt/pki/master/minions/all /etc/salt/pki/minion/minion.pub | sort -u | wc -l"
    lines = region.on_node("alone", "all", "wc -l < /etc/salt/pki/minion/minion.pub; " + keys)
    assert lines.split()[0] == lines.split()[1]
    assert region.on_node("alone", "all", "ls /etc/salt/pki/master/minions").split() == ["all"]


def test_second_run_of_every_state_changes_nothing(region: Railway) -> None:
    call = "/opt/salt/bin/salt --out=json --static -t 300 all state.apply"
    answer = json.loads(region.on_node("alone", "all", call))["all"]
    assert len(answer) > 10
    changed = [key for key, state in answer.items() if state["changes"] or not state["result"]]
    assert changed == []


def test_second_day_0_changes_nothing(region: Railway) -> None:
    for mark in region.state.rglob("day0"):
        mark.unlink()
    region("deploy", region.running("alone") or "", "alone")
    (log, *_) = sorted(region.state.rglob("alone-day0.log"), reverse=True)
    recap = [line for line in log.read_text().splitlines() if line.startswith("all ")]
    assert "changed=0" in recap[-1], recap


def test_edit_of_the_working_copy_runs_within_seconds(region: Railway) -> None:
    current = region.on_node("alone", "all", "readlink /srv/kits/current")
    file = region.folder / "salt" / "pillar" / "keystone.sls"
    text = file.read_text()
    asked = "systemctl show keystone -P ActiveEnterTimestampMonotonic"
    before = region.on_node("alone", "all", asked)
    file.write_text(text.replace("token_expiration: 3600", "token_expiration: 1234"))
    try:
        began = time.monotonic()
        said = region("dev", "apply", "identity").stdout
        seconds = time.monotonic() - began
        assert "all: keystone_config_file\n" in said, said
        assert "its content is not shown" in said
        conf = region.on_node("alone", "all", "grep '^expiration' /etc/keystone/keystone.conf")
        assert conf.strip() == "expiration = 1234"
        assert region.on_node("alone", "all", asked) != before
        assert seconds < 60  # 10 on a quiet machine: docs/benchmarks.md
        again = region("dev", "apply", "identity").stdout
        assert " 0 changed, 0 failed" in again
    finally:
        file.write_text(text)
    assert region.on_node("alone", "all", "readlink /srv/kits/current") == current
    assert " 0 failed" in region("dev", "apply", "identity").stdout


def test_state_that_fails_is_shown_and_is_exit_status_1(region: Railway) -> None:
    file = region.folder / "salt" / "states" / "memcached" / "init.sls"
    text = file.read_text()
    file.write_text(text + "\nbroken_on_purpose:\n  test.fail_without_changes\n")
    try:
        said = region("dev", "apply", "cache", "--environment", "alone", status=1).stdout
    finally:
        file.write_text(text)
    assert "all: broken_on_purpose" in said
    assert "1 failed" in said


def test_rebooted_node_comes_back_with_what_ran(region: Railway) -> None:
    region("env", "reboot", "alone", status=1)
    asked = "cut -d' ' -f22 /proc/1/stat"
    before = region.on_node("alone", "all", asked)
    region("env", "reboot", "alone", "all", "--yes")
    assert region.on_node("alone", "all", asked) != before
    region.on_node("alone", "all", "systemctl is-system-running --wait || systemctl --failed")
    units = "systemctl is-active salt-master salt-minion mariadb keystone haproxy memcached"
    assert region.on_node("alone", "all", units).split() == ["active"] * 6
