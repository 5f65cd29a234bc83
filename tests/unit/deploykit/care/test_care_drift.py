"""What drifted, from what Salt and the nodes say; and what of it goes on record."""

from __future__ import annotations

from typing import Any

import pytest
from deploykit.base.errors import Refused
from deploykit.care.drift import (
    Finding,
    Kind,
    count_by_node,
    drift_of_nodes,
    drift_of_packages,
    drift_of_set,
    drift_of_states,
    summary_of,
)
from deploykit.care.drift.batches import batches
from deploykit.care.drift.look import Drift, look_for_drift, record_drift
from deploykit.ledger import Ledger, view
from deploykit.mirror.packageset import Package, PackageSet, Snapshot
from deploykit.nodes.changes import NodeChanges
from deploykit.nodes.inventory import Host
from ledgerbook import deploy, know, release

ONE, TWO = release(1), release(2)


def answer(**more: Any) -> Any:
    return {"failed": [], "changed": [], "total": 3, "files": [], **more}


def changes(*files: str, folders: tuple[str, ...] = (), failed: tuple[str, ...] = ()) -> Any:
    return {"db": NodeChanges(files, folders, failed, {})}


def said(findings: Any) -> list[str]:
    return [str(finding) for finding in findings]


def test_what_salt_would_change_or_fails_at_is_drift() -> None:
    answers = {
        "web": answer(changed=[{"state": "motd", "comment": "would be written\nand more"}]),
        "db": answer(failed=[{"state": "(rendering)", "comment": "no\x1b[1m such file"}]),
        "idle": answer(),
    }
    assert said(drift_of_states(answers)) == [
        "db: state (rendering): fails: no\ufffd[1m such file",
        "web: state motd: would be written",
    ]


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (changes("/etc/motd.mine"), ["db: file /etc/motd.mine: changed since the last deployment"]),
        (changes("/etc/motd"), []),  # a state's: Salt says whether it differs
        (changes("/etc/resolv.conf", folders=("/etc",)), []),
        (changes("/etc/new/a", folders=("/etc/new",)),
         ["db: file /etc/new/a: changed since the last deployment"]),
        (changes(folders=("/etc/cron.d",)), ["db: file /etc/cron.d: something in it came or went"]),
        (changes(failed=("a.service",)), ["db: service a.service: failed"]),
    ],
)  # fmt: skip
def test_what_no_state_owns_is_drift_if_it_changed(seen: Any, told: list[str]) -> None:
    assert said(drift_of_nodes(seen, {"db": answer(files=["/etc/motd"])})) == told


def test_package_of_several_roles_of_a_node_is_told_once() -> None:
    was = {"database": {"a": "1", "b": "1"}, "cache": {"a": "1"}, "gone": {"z": "1"}}
    now = {"database": {"a": "2", "c": "1"}, "cache": {"a": "2"}, "new": {"y": "1"}}
    first = {"database": "db", "cache": "db"}
    assert said(drift_of_packages(was, now, first)) == [
        "db: package a: 1 with the release, 2 now",
        "db: package b: 1 with the release, gone now",
        "db: package c: not there with the release, 1 now",
    ]


@pytest.mark.parametrize(
    ("roles", "told"),
    [
        (["a b", "a b", "a b", "c"], ["0 3", "1", "2"]),  # a cluster of three: one at a time
        (["a", "a", "b"], ["0 2", "1"]),
        (["c"] * 10, ["0 1 2 3 4", "5 6 7 8 9"]),
        (["c"] * 20, ["0 1 2 3 4 5 6 7", "8 9 10 11 12 13 14 15", "16 17 18 19"]),
        ([], []),
    ],
)
def test_batch_has_at_most_half_of_the_nodes_of_a_role(roles: list[str], told: list[str]) -> None:
    hosts = [Host(str(n), tuple(one.split()), "", "", {}, ()) for n, one in enumerate(roles)]
    assert [" ".join(host.name for host in batch) for batch in batches(hosts)] == told


def test_packages_that_differ_from_the_pinned_set_are_told_and_nodes_own_are_not() -> None:
    one = Package("a", "1", "all", "a" * 64, 1, "a_1_all.deb", "a", "1")
    pinned = PackageSet((Snapshot("bookworm", (one,)),), {})
    now = {"cache": {"a": "2", "kernel": "6"}, "database": {"a": "2"}, "web": {"a": "1"}}
    first = {"cache": "db", "database": "db", "web": "web"}
    told = ["db: package a: 2, and the release pins 1"]
    assert said(drift_of_set(now, pinned, first)) == told
    assert said(drift_of_set(now, None, first)) == []


def test_summary_names_the_first_and_counts_all() -> None:
    found = tuple(Finding(f"n{n % 2}", Kind.FILE, f"/etc/{n}", "changed") for n in range(12))
    lines = summary_of(found, 2).splitlines()
    assert lines[0] == "n0: file /etc/0: changed" and lines[-1] == "and 2 more"
    assert count_by_node(found) == {"n0": 6, "n1": 6}
    assert summary_of((), 3) == "none on 3 nodes"


def drift_of(*findings: Finding) -> Drift:
    return Drift("test", ONE.digest, ONE.version, findings, ("db",), {}, 2.5)


def test_drift_is_recorded_with_how_much_each_node_has(ledger: Ledger) -> None:
    know(ledger, ONE)
    deploy(ledger, ONE, "test")
    body = record_drift(ledger, drift_of(Finding("db", Kind.FILE, "/etc/x", "changed"))).body
    assert (body["clean"], body["nodes"], body["seconds"]) == (False, {"db": 1}, 2.5)
    assert next(view.disturbances(ledger.known, "test", ONE.digest))[1] == "drift"
    assert record_drift(ledger, drift_of()).body["clean"] is True


def test_drift_of_what_was_replaced_meanwhile_is_not_recorded(ledger: Ledger) -> None:
    know(ledger, ONE, TWO)
    deploy(ledger, TWO, "test")
    with pytest.raises(Refused, match="deployed to meanwhile"):
        record_drift(ledger, drift_of())


def test_environment_that_runs_nothing_cannot_drift(ledger: Ledger) -> None:
    from types import SimpleNamespace

    inventory: Any = SimpleNamespace(environment=SimpleNamespace(name="test"))
    with pytest.raises(Refused, match="runs nothing yet"):
        look_for_drift(SimpleNamespace(), ledger.known, inventory)  # type: ignore[arg-type]
