"""Stolen keys, overruled vetoes, approvals by those who made the release; what broke policy."""

from __future__ import annotations

import pytest
from deploykit.ledger import view
from deploykit.ledger.bodies import signers_body
from deploykit.policy import evaluate, evaluate_rollback
from deploykit.policy.replay import breaches
from deploykit.site.keys import ROLES, Signer
from ledgerbook import Named, Story, release, rule

ONE, TWO = release(1), release(2)
ANN = Signer("ann@here", "ssh-ed25519 AAAA", ROLES)
BOB = Signer("bob@there", "ssh-ed25519 BBBB", frozenset({"approver", "release-manager"}))


def codes(told: Story, what: Named, environment: str = "prod") -> list[str]:
    verdict = evaluate(what, environment, told.records, told.now)
    return [reason.code for reason in verdict.reasons]


def two_signers(**rules: object) -> Story:
    return Story.of(**rules).tell(signers_body((ANN, BOB)))  # type: ignore[arg-type]


def test_what_a_stolen_key_signed_counts_no_more() -> None:
    told = two_signers(test=rule(), prod=rule(approvals=1))
    told.release(ONE).decided("approve", ONE, "prod", actor="bob@there")
    since = len(told.records)
    told.release(TWO, actor="bob@there").decided("approve", TWO, "prod", actor="bob@there")
    assert codes(told, ONE) == codes(told, TWO) == []
    told.tell(signers_body((ANN,), [("bob@there", since)]))
    assert codes(told, ONE) == []  # he approved it himself
    assert codes(told, TWO) == ["compromised", "approvals"]


def test_stolen_key_takes_no_evidence_and_no_veto_with_it_that_came_before() -> None:
    told = Story.of(test=rule(), prod=rule("test", smoke=(1, 1)))
    told.tell(signers_body((ANN, Signer("bob@there", "ssh-ed25519 BBBB", ROLES))))
    told.deployed("test", ONE)
    since = len(told.records)
    told.found("smoke", ONE, "test")
    told.records[-1] = _by(told, "bob@there")
    assert codes(told, ONE) == []
    told.tell(signers_body((ANN,), [("bob@there", since)]))
    assert codes(told, ONE) == ["evidence-missing"]


def _by(told: Story, actor: str):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    return replace(told.records[-1], actor=actor)


def test_keys_of_one_person_are_one_person() -> None:
    """Who cut with one key and approves with another has approved their own release."""
    told = Story.of(test=rule(), prod=rule(approvals=2, without=["cut", "deploy"]))
    told.release(ONE, actor="bob+release-manager@there").deployed("test", ONE)
    told.decided("approve", ONE, "prod", actor="bob+approver@there")
    told.decided("approve", ONE, "prod", actor="ann+approver@here")  # who deployed it
    told.decided("approve", ONE, "prod", actor="eve+approver@far")
    told.decided("approve", ONE, "prod", actor="eve@far")
    assert codes(told, ONE) == ["approvals"]
    told.decided("approve", ONE, "prod", actor="joe+approver@far")
    assert codes(told, ONE) == []
    told.decided("veto", ONE, actor="eve@far", reason="wait")
    assert codes(told, ONE) == ["veto", "approvals"]
    told.decided("approve", ONE, "prod", actor="eve+approver@far")
    assert codes(told, ONE) == []


@pytest.mark.parametrize("where", [None, "prod"])
def test_admin_overrules_the_vetoes_before_and_none_after(where: str | None) -> None:
    told = two_signers(test=rule(), prod=rule())
    told.decided("veto", ONE, reason="bad", actor="bob@there")
    assert codes(told, ONE) == ["veto"]
    told.decided("overrule", ONE, where, reason="he left, it is good")
    assert codes(told, ONE) == []
    assert codes(told, ONE, "test") == ([] if where is None else ["veto"])
    told.decided("veto", ONE, reason="still bad", actor="bob@there")
    assert codes(told, ONE) == ["veto"]


@pytest.mark.parametrize(("without", "lacks"), [((), False), (["cut"], True), (["deploy"], True)])
def test_approval_of_who_made_the_release_need_not_count(without: list[str], lacks: bool) -> None:
    told = Story.of(test=rule(), prod=rule(approvals=1, without=without)).deployed("test", ONE)
    told.decided("approve", ONE, "prod")
    assert codes(told, ONE) == (["approvals"] if lacks else [])
    told.decided("approve", ONE, "prod", actor="bob@there")
    assert codes(told, ONE) == []


def test_entry_that_policy_had_not_allowed_is_found_with_its_reasons() -> None:
    told = Story.of(test=rule(), prod=rule("test", soak=7200, approvals=1))
    told.deployed("test", ONE).decided("approve", ONE, "prod").wait(8000).deployed("prod", ONE)
    assert breaches(told.records) == ()
    told.decided("hold", environment="prod").release(TWO)
    n = len(told.records)
    told.deployed("prod", TWO)
    (breach,) = breaches(told.records)
    assert breach.record.n == n
    assert {reason.code for reason in breach.reasons} == {"hold", "not-in-source", "approvals"}
    assert breaches(told.records, n + 1) == ()


def test_rollback_and_deploy_that_goes_on_are_no_breach() -> None:
    told = Story.of(test=rule(), prod=rule("test", smoke=(1, 1)))
    for what in (ONE, TWO):
        told.deployed("test", what).found("smoke", what, "test").deployed("prod", what)
    told.deployed("prod", ONE, purpose="rollback")
    told.phase("started", "prod", TWO, id="left").phase("taken-over", "prod", TWO, id="left")
    assert [b.record.body["phase"] for b in breaches(told.records)] == []
    assert evaluate_rollback(ONE, "prod", told.records, told.now, "left").allowed


def test_lease_lasts_no_longer_than_it_may_whatever_its_record_says() -> None:
    told = Story.of(test=rule()).release(ONE)
    told.phase("started", "test", ONE, lease=600)
    assert view.in_flight(told.records, "test", told.now) is not None
    told.wait(601)
    assert view.in_flight(told.records, "test", told.now) is None
