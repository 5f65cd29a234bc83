"""The lease that a deployment keeps on an environment, with a real ledger."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from deploykit.base.errors import Refused
from deploykit.base.processes import Process
from deploykit.ledger import Ledger
from deploykit.ledger.bodies import signers_body
from deploykit.ledger.kit_signers import kit_signers, kit_signers_back
from deploykit.ledger.view import attempts, signers_in_force
from deploykit.release import Release
from deploykit.site import open_site
from deploykit.train.lease import LEASE, begin
from deploykit.train.lease_keeper import keeping_lease, since_boot
from ledgerbook import Named, know

FILE = """name: test
networks: {lan: {cidr: 10.0.0.0/24}}
nodes: {salt: {roles: [master], at: 10}}
"""
ONE = cast(Release, SimpleNamespace(version="2026.1.1", digest="sha256:" + "1" * 64))
ELSEWHERE = Process("jo", "elsewhere", 7, "boot:1")


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    site = tmp_path / "site"
    (site / "environments").mkdir(parents=True)
    (site / "site.yml").write_text("name: probe\n")
    (site / "environments" / "test.yml").write_text(FILE)
    ledger = Ledger.open(open_site(site))
    know(ledger, Named(ONE.digest, ONE.version))
    return ledger


def phases(ledger: Ledger) -> list[Any]:
    records = ledger.fetch_records()
    return [r.body["phase"] for r in records if r.kind == "deploy"]


def test_lease_is_renewed_while_it_is_keeping_lease(ledger: Ledger) -> None:
    with keeping_lease(ledger, ONE, "test", "deploy", length=timedelta(seconds=3)) as kept:
        time.sleep(2.5)
        kept.finish("done")
    assert phases(ledger)[0] == "started"
    assert "renewed" in phases(ledger)
    assert phases(ledger)[-1] == "finished"


def test_error_in_the_block_is_recorded_as_the_failure(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError), keeping_lease(ledger, ONE, "test", "deploy"):
        raise RuntimeError("the disk is full")
    last = attempts(ledger.fetch_records(), "test")[-1]
    assert (last.phase, "the disk is full" in last.summary) == ("failed", True)


def test_lease_that_was_taken_over_stops_the_one_who_had_it(ledger: Ledger) -> None:
    with (
        pytest.raises(Refused, match="taken over"),
        keeping_lease(ledger, ONE, "test", "deploy", length=timedelta(seconds=0)) as kept,
    ):
        begin(ledger, ONE, "test", "deploy", owner=ELSEWHERE)
        kept.renew()
        kept.check()


def test_check_renews_the_lease_unless_that_was_just_now(ledger: Ledger) -> None:
    """A push says what a look does not: that the ledger which takes records has no other holder."""
    with keeping_lease(ledger, ONE, "test", "deploy") as kept:
        kept.check()
        assert phases(ledger) == ["started"]
        kept.until -= LEASE.total_seconds() / 20  # as if so many seconds had gone by
        kept.check()
        assert phases(ledger) == ["started", "renewed"]
        assert kept.until - since_boot() > LEASE.total_seconds() * 0.8


def test_lease_that_is_over_or_lost_is_known_to_be_without_asking(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What day 0 goes by, each second: no master could refuse it."""
    with (
        pytest.raises(Refused, match="ran out"),
        keeping_lease(ledger, ONE, "test", "deploy") as kept,
    ):
        with monkeypatch.context() as patch:
            patch.setattr(Ledger, "fetch_records", None)
            kept.demand_lasting()
        kept.until = since_boot()
        kept.demand_lasting()
    with (
        pytest.raises(Refused, match="taken over"),
        keeping_lease(ledger, ONE, "test", "deploy", length=timedelta(seconds=0)) as kept,
    ):
        begin(ledger, ONE, "test", "deploy", owner=ELSEWHERE)
        kept.renew()
        kept.demand_lasting()


def test_kit_of_a_signer_who_left_can_still_be_gone_back_to(ledger: Ledger) -> None:
    with keeping_lease(ledger, ONE, "test", "deploy") as kept:
        kept.finish("done")
    signers = signers_in_force(ledger.fetch_records())
    (me,) = (one for one in signers if "release-manager" in one.roles)
    others = tuple(one for one in signers if one != me)
    ledger.append(lambda records, now: signers_body(others))
    assert kit_signers(ledger.known) == ""
    assert kit_signers_back(ledger.known, ONE.digest, "test").startswith(me.principal)
    assert kit_signers_back(ledger.known, ONE.digest, "production") == ""
    assert kit_signers_back(ledger.known, "sha256:" + "2" * 64, "test") == ""
