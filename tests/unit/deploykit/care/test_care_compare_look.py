"""Two environments asked what they are like: ssh is a script here, and masters are made up."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from deploykit.base.errors import Refused
from deploykit.base.progress import Silent
from deploykit.care.compare import Kind
from deploykit.care.compare import look as look_module
from deploykit.care.compare.look import Comparison, Side, compare_environments
from deploykit.care.compare.recording import record_comparison
from deploykit.care.settled import demand_settled
from deploykit.cli import compare as command
from deploykit.ledger import Ledger, view
from deploykit.ledger.bodies import deploy_body
from deploykit.nodes.inventory import Host, Inventory
from deploykit.rollout.settings import Effective, Origin
from deploykit.site.environment import parse_environment
from ledgerbook import OWNER, Call, deploy, know, release
from scriptedssh import ssh_is
from sitecheckout import Checkout

ONE = release(1)
FILE = """name: {name}
networks: {{management: {{cidr: 10.{n}.0.0/24}}}}
nodes: {{{name}-salt: {{roles: [master], at: 10}}, {name}-db: {{roles: [database], at: 11}}}}
"""
PASSWORDS = {"staging": "stagingstagingstagingstaging1234", "production": "Zx8" * 10}
# A node is a folder with `packages`, `etc` and what systemctl says.
SSH = r"""#!/bin/bash
while [[ $1 == -* ]]; do [[ $1 == -F ]] && shift; shift; done
cd "$NODES/$1" || exit 255
shift
export PATH="$PWD/bin:$PATH"
case "$*" in
dpkg-query*) cat packages; echo -- ;;
python3*) sed "s#/etc/#$PWD/etc/#g" | eval "$*" | sed "s#$PWD/etc/#/etc/#g" ;;
esac
"""
SYSTEMCTL = """#!/bin/sh
case $1 in
list-unit-files) printf 'mariadb.service enabled enabled\\ngetty@.service enabled -\\n' ;;
list-units) printf 'mariadb.service loaded %s running MariaDB\\n' "$(cat "${0%/bin/*}/state")" ;;
esac
"""


class Master:
    """One that has a password, and states that own a file."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.keys: list[bytes] = []

    def owned(self, digest: str, minions: Sequence[str]) -> Any:
        assert digest == ONE.digest.removeprefix("sha256:")
        return {name: {"mariadb": {"/etc/my.cnf": False}} for name in minions}

    def mark_secrets(self, key: bytes) -> Any:
        self.keys.append(key)
        mark = hmac.new(key, PASSWORDS[self._name].encode(), hashlib.sha256).hexdigest()
        return {"values": {"db_password": mark}, "words": {mark: "db_password"}}


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Staging and production, the same but for what follows from their files."""
    folder = ssh_is(SSH, tmp_path, monkeypatch)
    for name, n in (("staging", 20), ("production", 30)):
        node = folder / f"{name}-db"
        (node / "etc").mkdir(parents=True)
        (node / "bin").mkdir()
        (node / "bin" / "systemctl").write_text(SYSTEMCTL)
        (node / "bin" / "systemctl").chmod(0o755)
        (node / "state").write_text("active")
        (node / "packages").write_text("ii  mariadb-server 10.11\n")
        (node / "etc" / "my.cnf").write_text(
            f"bind-address = 10.{n}.0.11\npassword = {PASSWORDS[name]}\nbuffer = {n}M\n"
        )
    return folder


@pytest.fixture
def compared(nodes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Compares the two as they are now."""
    monkeypatch.setattr(look_module, "reachable", lambda inventory, names: None)
    both = [
        Effective(("mariadb", "buffer"), f"{n}M", Origin.ENVIRONMENT, f"{n}.yml:1")
        for n in (20, 30)
    ]
    monkeypatch.setattr(
        look_module, "differences", lambda first, second: [("mariadb.buffer", *both)]
    )
    masters = {name: Master(name) for name in PASSWORDS}
    work: Any = SimpleNamespace(
        progress=Silent(),
        master=lambda inventory: masters[inventory.environment.name],
    )

    def compare() -> Comparison:
        sides = [_side(tmp_path, name, n) for name, n in (("staging", 20), ("production", 30))]
        found = compare_environments(work, *sides)
        assert masters["staging"].keys == masters["production"].keys
        return found

    return compare


def _side(folder: Path, name: str, n: int) -> Side:
    file = folder / f"{name}.yml"
    file.write_text(FILE.format(name=name, n=n))
    environment = parse_environment(file)
    hosts = tuple(
        Host(node.name, node.roles, f"192.0.2.{n}", "root", environment.addresses(node), ())
        for node in environment.nodes
    )
    inventory = Inventory(environment, environment.instance, hosts, folder / "key", folder)
    runs: Any = SimpleNamespace(digest=ONE.digest, version=ONE.version, left_out={})
    return Side(inventory, runs, folder)


def test_environments_that_differ_in_what_their_files_say_differ_in_nothing_else(
    compared: Any,
) -> None:
    found = compared()
    assert found.unexpected == ()
    whys = {(one.kind, one.why) for one in found.differences}
    assert whys == {
        (Kind.FILE, "names and addresses"),
        (Kind.FILE, "settings: mariadb.buffer"),
        (Kind.SETTING, "the environment files say so"),
        (Kind.SECRET, "each environment makes its own"),
    }


def test_what_somebody_changed_is_told_with_role_and_nodes_and_no_secret(
    compared: Any, nodes: Path
) -> None:
    node = nodes / "production-db"
    with (node / "etc" / "my.cnf").open("a") as file:
        file.write("skip-networking\n")
    (node / "packages").write_text("ii  mariadb-server 10.12\n")
    (node / "state").write_text("failed")
    found = compared().unexpected
    told = {one.kind: (one.what, one.first, one.second) for one in found}
    assert told == {
        Kind.PACKAGE: ("mariadb-server", "10.11", "10.12"),
        Kind.SERVICE: ("mariadb.service", "enabled, active", "enabled, failed"),
        Kind.FILE: ("/etc/my.cnf", "", "skip-networking"),
    }
    assert {one.roles for one in found} == {("database",)}
    assert {one.nodes for one in found} == {("staging-db|production-db",)}
    whole = json.dumps([str(one) for one in compared().differences])
    assert not any(password in whole for password in PASSWORDS.values())


def test_secret_that_is_the_same_in_both_is_told(
    compared: Any, nodes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, shared = PASSWORDS["production"], PASSWORDS["staging"]
    monkeypatch.setitem(PASSWORDS, "production", shared)
    file = nodes / "production-db" / "etc" / "my.cnf"
    file.write_text(file.read_text().replace(own, shared))
    (found,) = compared().unexpected
    assert (found.kind, found.first, found.second) == (Kind.SECRET, "equal", "equal")


def test_comparison_is_printed_and_ends_with_one_if_something_is_unexpected(
    compared: Any,
    nodes: Path,
    call: Call,
    checkout_with_site: Checkout,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = Ledger.open(checkout_with_site.site)
    monkeypatch.setattr(look_module, "compare_environments", lambda *words: compared())
    monkeypatch.setattr(command, "_side", lambda *words: None)
    know(ledger, ONE)
    for name in ("staging", "production"):
        deploy(ledger, ONE, name)
    code, out, _ = call("compare", "staging", "production")
    told = f"staging and production run {ONE.version}: no difference, 4 more are to be expected"
    assert (code, out.strip()) == (0, f"{told} (--all)")
    (nodes / "staging-db" / "state").write_text("failed")
    code, out, _ = call("compare", "staging", "production", "--all")
    assert code == 1
    assert "  database: service mariadb.service: enabled, failed | enabled, active\n" in out
    assert "    - bind-address = 10.20.0.11\n" in out or "bind-address = 10.20.0.11 |" in out
    assert out.splitlines()[-1].startswith(f"staging and production run {ONE.version}: 1 thing")
    document = json.loads(call("compare", "staging", "production", "--json")[1])
    assert {one["expected"] for one in document["differences"]} == {True, False}
    recorded = json.loads(call("ledger", "show", str(document["record"]))[1])
    assert recorded["subject"] == "comparison"
    again = json.loads(call("compare", "staging", "production", "--json", "--no-record")[1])
    assert again["record"] is None


def test_comparison_is_on_record_for_both_and_disturbs_neither(
    compared: Any, nodes: Path, ledger: Ledger
) -> None:
    know(ledger, ONE)
    for name in ("staging", "production"):
        deploy(ledger, ONE, name)
    clean = record_comparison(ledger, compared()).body
    assert (clean["clean"], clean["nodes"]) == (True, {})
    (nodes / "staging-db" / "state").write_text("failed")
    (nodes / "production-db" / "etc" / "my.cnf").write_text("one\ntwo\n")
    body = record_comparison(ledger, compared()).body
    assert (body["subject"], body["environment"]) == ("comparison", "staging")
    assert body["against"] == {"environment": "production", "release": ONE.digest}
    assert body["nodes"] == {"staging-db": 2}
    service, file = body["summary"].splitlines()
    assert service == "database: service mariadb.service: enabled, failed | enabled, active"
    assert file == "database: file /etc/my.cnf: lines differ"
    for name in ("staging", "production"):
        assert list(view.disturbances(ledger.known, name, ONE.digest)) == []


def test_comparison_of_what_was_deployed_to_meanwhile_is_not_recorded(
    compared: Any, ledger: Ledger
) -> None:
    know(ledger, ONE)
    deploy(ledger, ONE, "staging")
    with pytest.raises(Refused, match="production was deployed to meanwhile"):
        record_comparison(ledger, compared())


def test_environment_compared_with_itself_is_a_wrong_call(call: Call) -> None:
    assert call("compare", "test", "test")[0] == 2


def test_environment_that_runs_nothing_or_is_deployed_to_is_not_compared(ledger: Ledger) -> None:
    with pytest.raises(Refused, match="runs nothing yet"):
        demand_settled(ledger.known, "test")
    know(ledger, ONE)
    deploy(ledger, ONE, "test")
    assert demand_settled(ledger.known, "test").digest == ONE.digest
    ledger.append(
        lambda records, now: deploy_body(
            id="two", phase="started", environment="test", release=ONE.digest, over=ONE.digest,
            purpose="deploy", owner=OWNER, lease_until=now,
        )
    )  # fmt: skip
    with pytest.raises(Refused, match="is being deployed to"):
        demand_settled(ledger.known, "test")
