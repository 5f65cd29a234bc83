"""What an admin asks of environments that stand: drift, a comparison, a rollback that keeps data.

Two small environments with one release. The tests share them and go on where the one before ended,
in the order of this file; the train itself is in test_small_train.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxdsite import lxd_or_skip
from railway import SOLE, Railway, build

pytestmark = [pytest.mark.train, pytest.mark.timeout(1800)]
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
    """Both environments with the release of the checkout; taken down at the end in any case."""
    lxd_or_skip()
    folder = tmp_path_factory.mktemp("care") / "checkout"
    railway = build(checkout, folder, {"sole": SOLE, "twin": TWIN})
    try:
        railway.cut()
        for environment in ("sole", "twin"):
            railway("env", "up", environment)
            railway("deploy", "latest", environment)
        yield railway
    finally:
        railway("env", "down", "--all", "--yes")


def test_drift_of_every_kind_is_found_told_and_mended_by_a_deployment(railway: Railway) -> None:
    railway.on_node("sole", "region", DISTURB)
    seen = json.loads(railway("drift", "sole", "--explain", "--json", status=1).stdout)
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
    seen = railway.json("compare", "sole", "twin")
    assert [d for d in seen["differences"] if not d["expected"]] == []
    why = {(d["kind"], d["what"], d["why"]) for d in seen["differences"]}
    assert ("setting", "memcached.memory", "the environment files say so") in why
    assert ("file", "/etc/memcached.conf", "settings: memcached.memory") in why
    assert ("secret", "keystone_admin", "each environment makes its own") in why


def test_what_was_changed_in_one_of_two_is_told_without_secrets(railway: Railway) -> None:
    edit = "sed -i 's/^-m .*/-m 7/' /etc/memcached.conf; systemctl stop memcached"
    railway.on_node("twin", "other", edit)
    output = railway("compare", "sole", "twin", "--all", "--json", status=1).stdout
    differences = [d for d in json.loads(output)["differences"] if not d["expected"]]
    values_of = {(d["kind"], d["what"]): (d["first"], d["second"]) for d in differences}
    assert values_of["file", "/etc/memcached.conf"][1] == "-m 7"
    assert values_of["service", "memcached.service"] == ("enabled, active", "enabled, inactive")
    for name, node in (("sole", "region"), ("twin", "other")):
        store = json.loads(railway.on_node(name, node, "cat /srv/environment/secrets.json"))
        values = [value for value in store.values() if isinstance(value, str)]
        assert len(values) > 3
        assert not any(value in output for value in values)
    railway("env", "down", "twin", "--yes")


def test_rollback_over_a_schema_brings_back_data_and_release(railway: Railway) -> None:
    before, schema = railway.running("sole"), "databases: [keystone], schema: "
    write = "mariadb -e \"INSERT INTO diary.days VALUES ('{}')\""
    railway.on_node("sole", "region", DIARY)
    railway.on_node("sole", "region", write.format("before"))
    railway.change("salt/roles.yml", f"{schema}zed", f"{schema}antelope")
    railway("deploy", railway.cut(), "sole")
    railway.on_node("sole", "region", write.format("after"))
    for words, advice in (((), "rollback sole --restore"), (("--restore",), "say so: --yes")):
        assert advice in railway("rollback", "sole", *words, status=1).stderr
    assert railway.on_node("sole", "region", LOOK).split() == ["before", "after"]
    railway("rollback", "sole", "--restore", "--yes")
    assert railway.on_node("sole", "region", LOOK).split() == ["before"]
    assert railway.running("sole") == before
    assert railway.on_node("sole", "region", LINE).split()[1] == "64"
    railway("ledger", "verify")
