"""The train on one small environment: part of `make test`; test_train.py goes through all of it.

No other environment is promoted to from it, so a train has to be told where to end. The tests share
the environment and go on where the one before ended, in the order of this file.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxdsite import lxd_or_skip
from railway import Railway, build

pytestmark = [pytest.mark.train, pytest.mark.core, pytest.mark.timeout(2700)]
SOLE = """\
name: sole
networks:
  management: {cidr: 10.80.0.0/24}
nodes:
  region: {roles: [master, database, cache, identity, load-balancer], at: 10}
"""
# The same elsewhere, but for a setting.
TWIN = """\
name: twin
networks:
  management: {cidr: 10.81.0.0/24}
nodes:
  other: {roles: [master, database, cache, identity, load-balancer], at: 20}
settings: {day0: {base_unsafe_io: true}, memcached: {memory: 80}}
"""
LINE = "grep ^-m /etc/memcached.conf"
# What people do at night: a file of a state edited, one of nobody's laid down, a unit that fails, a
# package more, and the release's own files touched.
DISTURB = r"""set -e
sed -i 's/^-m .*/-m 1/' /etc/memcached.conf
echo mine >/etc/motd.mine
printf '[Service]\nType=oneshot\nExecStart=/bin/false\n' >/run/systemd/system/broken.service
systemctl daemon-reload
systemctl start broken.service || true
mkdir -p /tmp/cowsay/DEBIAN
printf 'Package: cowsay\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n' \
  >/tmp/cowsay/DEBIAN/control
dpkg-deb -b /tmp/cowsay /tmp/cowsay.deb
dpkg -i /tmp/cowsay.deb
echo >>"$(find /srv/kits/current/salt -name '*.sls' | head -1)"
"""
DIARY = "mariadb -e 'CREATE DATABASE diary; CREATE TABLE diary.days (word TEXT)'"
LOOK = "mariadb -N -e 'SELECT word FROM diary.days'"
MEND = """set -e
rm /etc/motd.mine
systemctl reset-failed broken.service
dpkg -P cowsay
"""


@pytest.fixture(scope="module")
def railway(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Railway]:
    """The environment, up and with a release cut; taken down at the end, whatever happened."""
    lxd_or_skip()
    folder = tmp_path_factory.mktemp("sole") / "checkout"
    railway = build(checkout, folder, {"sole": SOLE, "twin": TWIN})
    try:
        railway.cut()
        railway("env", "up", "sole")
        yield railway
    finally:
        railway("env", "down", "--all", "--yes")


def results(railway: Railway) -> dict[str, str]:
    """The last result of each check."""
    checks = ("smoke", "upgrade", "bootstrap")
    found = {check: railway.evidence(check, "sole") for check in checks}
    return {check: evidence[-1]["result"] for check, evidence in found.items() if evidence}


def test_first_train_deploys_and_records_its_checks(railway: Railway) -> None:
    version = railway.json("release", "show", "latest")["version"]
    railway("train", "--to", "sole")
    assert railway.running("sole") == version
    assert results(railway) == {
        "smoke": "passed",
        "bootstrap": "passed",
        "upgrade": "not-applicable",
    }
    assert railway.on_node("sole", "region", "systemctl is-active keystone").strip() == "active"


def test_train_without_changes_does_nothing(railway: Railway) -> None:
    before = len(railway.json("history"))
    began = time.monotonic()
    railway("train", "--to", "sole")
    assert len(railway.json("history")) == before
    assert time.monotonic() - began < 20


def test_changed_line_goes_through_as_an_upgrade(railway: Railway) -> None:
    railway.change("salt/pillar/memcached.sls", "memory: 64", "memory: 66")
    version = railway.cut()
    railway("train", "--to", "sole")
    assert railway.running("sole") == version
    assert railway.on_node("sole", "region", LINE).split()[1] == "66"
    assert results(railway)["upgrade"] == "passed"


def test_node_that_nobody_touched_has_not_drifted(railway: Railway) -> None:
    seen = railway.json("drift", "sole")
    assert (seen["findings"], seen["nodes"]) == ([], ["region"])
    assert railway.json("ledger", "show", str(seen["record"]))["clean"] is True


def test_drift_of_every_kind_is_found_told_and_mended_by_a_deployment(railway: Railway) -> None:
    railway.on_node("sole", "region", DISTURB)
    said = railway("drift", "sole", "--explain", "--json", status=1)
    seen = json.loads(said.stdout)
    kinds = {(finding["kind"], finding["what"]) for finding in seen["findings"]}
    states = [what for kind, what in kinds if kind == "state"]
    assert any("memcached" in what for what in states), kinds
    assert {
        ("file", "/etc/motd.mine"),
        ("service", "broken.service"),
        ("package", "cowsay"),
    } <= kinds
    assert any(kind == "kit" for kind, _ in kinds)
    assert any("root from" in who for who in seen["logins"]["region"])
    record = railway.json("ledger", "show", str(seen["record"]))
    assert record["nodes"]["region"] >= 5 and "broken.service" in record["summary"]
    assert railway.on_node("sole", "region", LINE).split()[1] == "1", "looking changes nothing"
    railway.on_node("sole", "region", MEND)
    railway("deploy", "latest", "sole")
    assert railway.json("drift", "sole", "--no-record")["findings"] == []


def test_environments_of_one_release_differ_in_what_their_files_say_alone(
    railway: Railway,
) -> None:
    railway("env", "up", "twin")
    railway("deploy", "latest", "twin")
    seen = railway.json("compare", "sole", "twin")
    assert [one for one in seen["differences"] if not one["expected"]] == []
    why = {(one["kind"], one["what"]): one["why"] for one in seen["differences"]}
    assert why["setting", "memcached.memory"]
    assert why["file", "/etc/memcached.conf"] == "settings: memcached.memory"
    assert why["secret", "keystone_admin"]


def test_what_was_changed_in_one_of_two_is_told_without_secrets(railway: Railway) -> None:
    edit = "sed -i 's/^-m .*/-m 7/' /etc/memcached.conf; systemctl stop memcached"
    railway.on_node("twin", "other", edit)
    said = railway("compare", "sole", "twin", "--all", "--json", status=1).stdout
    told = [one for one in json.loads(said)["differences"] if not one["expected"]]
    kinds = {(one["kind"], one["what"]): (one["first"], one["second"]) for one in told}
    assert kinds["file", "/etc/memcached.conf"][1] == "-m 7"
    assert kinds["service", "memcached.service"] == ("enabled, active", "enabled, inactive")
    for name, node in (("sole", "region"), ("twin", "other")):
        store = json.loads(railway.on_node(name, node, "cat /srv/environment/secrets.json"))
        values = [value for value in store.values() if isinstance(value, str)]
        assert len(values) > 3
        assert not any(value in said for value in values)
    railway("env", "down", "twin", "--yes")


def test_rollback_brings_back_what_ran_before(railway: Railway) -> None:
    railway("rollback", "sole")
    assert railway.on_node("sole", "region", LINE).split()[1] == "64"
    railway("ledger", "verify")


def test_rollback_over_a_schema_brings_back_data_and_release(railway: Railway) -> None:
    before, schema = railway.running("sole"), "databases: [keystone], schema: "
    write = "mariadb -e \"INSERT INTO diary.days VALUES ('{}')\""
    railway.on_node("sole", "region", DIARY)
    railway.on_node("sole", "region", write.format("before"))
    railway.change("salt/roles.yml", f"{schema}zed", f"{schema}antelope")
    railway("deploy", railway.cut(), "sole")
    railway.on_node("sole", "region", write.format("after"))
    for words, told in (((), "rollback sole --restore"), (("--restore",), "say so: --yes")):
        assert told in railway("rollback", "sole", *words, status=1).stderr
    assert railway.on_node("sole", "region", LOOK).split() == ["before", "after"]
    railway("rollback", "sole", "--restore", "--yes")
    assert railway.on_node("sole", "region", LOOK).split() == ["before"]
    assert railway.running("sole") == before
    assert railway.on_node("sole", "region", LINE).split()[1] == "64"
    railway("ledger", "verify")
