"""From one patch release of Salt to the next, on nodes that live: a release, and nothing by hand.

The tests share the nodes and go on where the one before ended, in the order of this file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from deploykit.mirror.wheels import Lock
from deploykit.mirror.wheelstore import LOCK, lock_in
from machinesthere import railway_there
from railway import Railway

pytestmark = [pytest.mark.train, pytest.mark.timeout(2700)]
ENVIRONMENT = """\
name: cloud
provider: static
networks:
  management: {cidr: 10.97.0.0/24, interface: ens4}
nodes:
  salt: {roles: [master], at: 10}
  region: {roles: [cache], at: 11}
machines:
  "*": {user: debian, become: true}
  salt:
    address:
    host_key:
  region:
    address:
    host_key:
"""
NODES = ("salt", "region")
# The patch release before: its source is built like that of the lock, with the same dependencies.
BEFORE = "3008.2"
HASH_BEFORE = "44a1e206a955bf57aaffbe3f1dfb5f4476c9442d64f3a103ce7ac0aa68bfa907"
# Asks memcached ten times a second, and tells of each time that it did not answer.
PROBE = (
    "systemd-run -q --unit probe --collect -p StandardOutput=truncate:/root/probe sh -c "
    '\'while sleep 0.1; do printf "version\\r\\nquit\\r\\n" | timeout 2 bash -c '
    '"exec 3<>/dev/tcp/10.97.0.11/11211; cat >&3; grep -q VERSION <&3" '
    "&& echo up || echo down; done'"
)


@pytest.fixture(scope="module")
def patched(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Railway]:
    """Bare machines, a master and another, to which a release with the older Salt was deployed."""
    with railway_there(tmp_path_factory.mktemp("cloud"), checkout, ENVIRONMENT) as (_, railway):
        take(railway, older(lock(railway)))
        railway("env", "up", "cloud")
        railway("deploy", railway.cut(), "cloud")
        yield railway


def lock(railway: Railway) -> Lock:
    """The Salt that the checkout has now."""
    found = lock_in(railway.folder)
    assert found is not None
    return found


def older(now: Lock) -> str:
    """The text of a lock with the Salt of before."""
    before = f"salt=={BEFORE} \\\n    --hash=sha256:{HASH_BEFORE}\n"
    return now.text.replace(now.blocks["salt"], before)


def take(railway: Railway, text: str) -> None:
    """Commit another lock: all that a change of Salt takes."""
    (railway.folder / LOCK).write_text(text)
    railway.commit("another Salt")


def versions(railway: Railway) -> dict[str, str]:
    """What the master, by its files, and the minion, by its own word, run."""
    master = railway.on_node("cloud", "salt", "/opt/salt/bin/salt-master --version").split()[1]
    asked = "/opt/salt/bin/salt --out=newline_values_only --static -t 30 region test.version"
    return {"salt": master, "region": railway.on_node("cloud", "salt", asked).strip()}


def runs_by(railway: Railway, node: str, unit: str) -> str:
    """The folder of the Python that a unit really runs by: what it has loaded lies there."""
    maps = railway.on_node("cloud", node, f"cat /proc/$(systemctl show {unit} -P MainPID)/maps")
    return " ".join(sorted(set(re.findall(r"salt-[0-9a-f]{16}", maps))))


def test_nodes_have_the_salt_of_the_release_not_of_the_image(patched: Railway) -> None:
    assert versions(patched) == {"salt": BEFORE, "region": BEFORE}


def test_next_patch_release_is_a_commit_and_a_deployment_and_services_stay_up(
    checkout: Path, patched: Railway
) -> None:
    was = lock(patched).folder
    unit = "systemctl show memcached -P MainPID"
    before = patched.on_node("cloud", "region", unit)
    take(patched, (checkout / LOCK).read_text())
    patched.on_node("cloud", "region", PROBE)
    patched("deploy", patched.cut(), "cloud")
    patched.on_node("cloud", "region", "systemctl stop probe")
    now = lock(patched)
    assert versions(patched) == {"salt": now.version, "region": now.version}
    for node in NODES:
        said = patched.on_node("cloud", node, "readlink /opt/salt; ls -d /opt/salt-*").split()
        assert said == [now.folder, *sorted([f"/opt/{was}", f"/opt/{now.folder}"])]
    assert runs_by(patched, "salt", "salt-master") == now.folder
    assert runs_by(patched, "region", "salt-minion") == now.folder
    answers = patched.on_node("cloud", "region", "cat /root/probe").split()
    assert answers.count("down") == 0 and answers.count("up") > 50
    assert patched.on_node("cloud", "region", unit) == before


def test_release_with_the_same_salt_restarts_nothing(patched: Railway) -> None:
    line = "systemctl show salt-master salt-minion -P ActiveEnterTimestampMonotonic"
    before = {node: patched.on_node("cloud", node, line) for node in NODES}
    for mark in patched.state.rglob("day0"):
        mark.unlink()
    patched("deploy", patched.running("cloud") or "", "cloud")
    assert {node: patched.on_node("cloud", node, line) for node in NODES} == before


def test_salt_that_does_not_run_is_gone_back_from_and_told(
    checkout: Path, patched: Railway
) -> None:
    """As if a patch release broke minions: the first that moves comes back to what it had."""
    now = lock(patched)
    other = now.text + "# the same Salt, in another folder\n"
    take(patched, other)
    release = patched.cut()
    broken = lock(patched).folder
    # It is there whole, and what the minion starts ends at once.
    patched.on_node(
        "cloud",
        "region",
        f"cp -a /opt/{now.folder} /opt/{broken}; "
        f"printf '#!/bin/sh\\nexit 1\\n' >/opt/{broken}/bin/salt-minion",
    )
    said = " ".join(patched("deploy", release, "cloud", status=1).stderr.split())
    assert f"does not run with {broken}, and goes back to {now.folder}" in said
    assert patched.on_node("cloud", "region", "readlink /opt/salt").strip() == now.folder
    asked = "/opt/salt/bin/salt --out=newline_values_only --static -t 30 region test.version"
    assert patched.on_node("cloud", "salt", asked).strip() == now.version
    patched.on_node("cloud", "region", f"rm -r /opt/{broken}")
    patched("deploy", release, "cloud")
    assert patched.on_node("cloud", "region", "readlink /opt/salt").strip() == broken


def test_rollback_brings_the_salt_of_before(patched: Railway) -> None:
    patched("rollback", "cloud", "--yes")
    wanted = patched.on_node("cloud", "salt", "readlink /opt/salt")
    assert patched.on_node("cloud", "region", "readlink /opt/salt") == wanted
    assert versions(patched)["region"] == versions(patched)["salt"]
