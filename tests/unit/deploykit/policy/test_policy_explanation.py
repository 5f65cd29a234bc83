"""A verdict as a table, and what if: each rule is told, met or not, and agrees with the verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from deploykit.ledger import view
from deploykit.ledger.bodies import Edge, signers_body
from deploykit.policy import evaluate
from deploykit.policy.case import Case
from deploykit.policy.explanation import explain
from deploykit.policy.rules import ALWAYS, ENTRY
from deploykit.policy.simulation import replay, suppose
from deploykit.site.keys import ROLES, Signer
from deploykit.site.promotion import Approvals, Promotion
from deploykit.site.windows import Window, WindowKind
from ledgerbook import NOON, Named, Story, release, released, rule

ONE, TWO = release(1), release(2)
ANN = Signer("ann@here", "ssh-ed25519 AAAA", ROLES)
AFTERNOON = Window(WindowKind.DENY, "2026-11-21T14:00:00", 3600, "UTC", reason="the board meets")


def case(told: Story, what: Named = ONE, **more: Any) -> Case:
    policy = view.policy_in_force(told.records)
    return Case(what, "prod", tuple(told.records), told.now, policy["prod"], None, **more)


def story(**asks: Any) -> Story:
    checks = {"smoke": (2, 1), "upgrade": (1, 1)}
    told = Story.of(test=rule(), prod=rule("test", freeze=[AFTERNOON], **{**checks, **asks}))
    return told.tell(signers_body((ANN,)))


def table(asked: Case) -> dict[str, tuple[bool, str]]:
    return {row.rule: (row.met, row.text) for row in explain(asked)}


def test_every_rule_is_told_with_what_it_goes_by() -> None:
    told = story(soak=60, approvals=1).deployed("prod", TWO).deployed("test", ONE)
    told.found("smoke", ONE, "test", "failed").wait(90).found("smoke", ONE, "test")
    told.decided("approve", ONE, "prod", edge=Edge(TWO.digest))
    rows = table(case(told))
    assert rows["from"] == (True, "test runs it")
    assert rows["freeze"] == (True, "open, until 2026-11-21T14:00:00Z")
    assert rows["soak"] == (True, "undisturbed in test since 2026-11-21T12:00:08Z")
    assert rows["approvals"] == (True, "by ann@here")
    smoke = "1 of 2 attempts passed, the last at 2026-11-21T12:01:39Z (record 9)"
    assert rows["smoke"] == (True, smoke)
    assert rows["upgrade"][0] is False and "no evidence of upgrade" in rows["upgrade"][1]
    assert rows["hold"] == (True, "none")


def test_waived_rules_say_who_waived_them_and_why() -> None:
    told = story(soak=600).deployed("test", ONE)
    told.now = NOON + timedelta(hours=2, minutes=5)
    for what in ("smoke", "freeze"):
        told.decided("waive", ONE, "prod", check=what, reason="it burns")
    rows = table(case(told))
    assert rows["smoke"] == rows["freeze"] == (True, "waived by ann@here: it burns")
    assert rows["upgrade"] == (True, "prod runs nothing yet: nothing is upgraded")


@pytest.mark.parametrize("what", [ONE, TWO])
@pytest.mark.parametrize("approved", [False, True])
def test_table_is_met_exactly_if_the_verdict_allows(what: Named, approved: bool) -> None:
    told = story(approvals=1).deployed("prod", TWO).deployed("test", ONE)
    told.found("smoke", ONE, "test").found("upgrade", ONE, "test", over=TWO)
    if approved:
        told.decided("approve", ONE, "prod")
    verdict = evaluate(what, "prod", tuple(told.records), told.now)
    rows = explain(case(told, what))
    assert all(row.met for row in rows) is verdict.allowed
    assert [row.text for row in rows if not row.met] == [r.text for r in verdict.reasons]


def test_every_rule_of_policy_has_its_row() -> None:
    told = story().deployed("test", ONE)
    checks = view.policy_in_force(told.records)["prod"].checks
    assert len(explain(case(told))) == len(ALWAYS) + len(ENTRY) - 1 + len(checks)


def test_supposed_approval_and_waiver_change_the_answer_and_no_record() -> None:
    told = story(approvals=1).deployed("test", ONE)
    asked = case(told, asker="ann@here")
    supposed = suppose(asked, approved_by=["bob@there"], waived=["smoke"])
    assert {row.rule for row in explain(asked) if not row.met} == {"approvals", "smoke"}
    assert all(row.met for row in explain(supposed))
    assert asked.records == tuple(told.records)


def test_entry_at_another_time_meets_the_freeze_of_then() -> None:
    asked = case(story().deployed("test", ONE))
    later = replace(asked, now=NOON + timedelta(hours=2))
    assert table(later)["freeze"][0] is False


def test_history_by_another_policy_names_what_it_would_have_refused() -> None:
    told = Story.of(test=rule(), prod=rule("test")).tell(released(ONE, authors=("a@b.org",)))
    told.deployed("test", ONE).deployed("prod", ONE)
    strict = {"prod": Promotion("test", approvals=Approvals(1)), "test": Promotion()}
    test, prod = replay(tuple(told.records), strict)
    assert (test.then, test.now) == ((), ())
    assert prod.then == () and [reason.code for reason in prod.now] == ["approvals"]
    lenient = replay(tuple(told.records), {**strict, "prod": Promotion()})
    assert [entry.now for entry in lenient] == [(), ()]
