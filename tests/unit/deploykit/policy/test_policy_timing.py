"""Soak that is disturbed, freezes, and waivers: for one edge, for a while, by somebody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from deploykit.ledger.bodies import Edge, observation_body, signers_body
from deploykit.ledger.schema import Subject
from deploykit.policy import evaluate, evaluate_rollback
from deploykit.policy.replay import breaches
from deploykit.site.keys import ROLES, Signer
from deploykit.site.windows import Window, WindowKind
from ledgerbook import NOON, Named, Story, release, rule

ONE, TWO = release(1), release(2)
ANN = Signer("ann@here", "ssh-ed25519 AAAA", ROLES)
EVE = Signer("eve@there", "ssh-ed25519 EEEE", frozenset({"admin"}))
AFTERNOON = Window(WindowKind.DENY, "2026-11-21T12:00:00", 3600, "UTC", reason="the board meets")


def reasons(told: Story, what: Named = ONE, asker: str | None = None) -> dict[str, str]:
    verdict = evaluate(what, "prod", tuple(told.records), told.now, asker=asker)
    return {reason.code: reason.text for reason in verdict.reasons}


def soaking() -> Story:
    return Story.of(test=rule(), prod=rule("test", soak=3600)).deployed("test", ONE)


def seen(
    told: Story, subject: Subject = Subject.DRIFT, environment: str = "test", **nodes: int
) -> Story:
    body = observation_body(
        subject, environment=environment, release=ONE.digest, seconds=3, nodes=nodes
    )
    return told.tell(body)


def test_drift_in_the_environment_before_begins_the_soak_anew() -> None:
    told = seen(soaking().wait(3000), db=2).wait(700)
    assert "anew since drift at 2026-11-21T12:50:" in reasons(told)["soak"]
    assert reasons(told.wait(2900)) == {}


def test_firing_alerts_and_failed_checks_begin_the_soak_anew() -> None:
    told = seen(soaking().wait(3000), Subject.ALERTS, db=1)
    told.wait(1800).found("smoke", ONE, "test", "failed").wait(3000)
    assert "anew since smoke failed at 2026-11-21T13:20:" in reasons(told)["soak"]


def test_soak_in_a_policy_of_before_is_judged_by_the_rule_of_its_time() -> None:
    told = Story.of(test=rule(), prod=rule("test", soak=3600, undisturbed=False))
    told.deployed("test", ONE).wait(3000)
    assert reasons(seen(told, db=2).wait(700)) == {}


def test_what_disturbs_nothing_lets_the_soak_go_on() -> None:
    told = seen(soaking().wait(3000))  # looked, and saw none
    seen(told, environment="prod", db=1)
    told.found("smoke", ONE, "test").found("upgrade", ONE, "prod", "failed", copy=True)
    assert reasons(told.wait(700)) == {}


def frozen(*windows: Window) -> Story:
    return Story.of(test=rule(), prod=rule("test", freeze=windows or (AFTERNOON,)))


def test_freeze_keeps_everything_out_until_it_is_over() -> None:
    told = frozen().deployed("test", ONE)
    text = reasons(told)["freeze"]
    assert text == "prod is frozen until 2026-11-21T13:00:00Z: the board meets"
    told.now = NOON + timedelta(hours=1)
    assert reasons(told) == {}


def test_freeze_lets_go_back_and_lets_the_same_release_be_deployed_again() -> None:
    told = frozen().deployed("prod", ONE).deployed("prod", TWO, id="b")
    assert evaluate_rollback(ONE, "prod", tuple(told.records), told.now).allowed
    assert reasons(told, TWO) == {}


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"until": NOON + timedelta(minutes=30)}, ""),
        ({"until": NOON + timedelta(seconds=4)}, "was over at 2026-11-21T12:00:04Z"),
        ({"edge": Edge(None)}, ""),
        ({"edge": Edge(TWO.digest)}, "was given when prod ran 2026.47.2"),
    ],
)
def test_waiver_holds_for_its_edge_and_its_time(more: dict[str, Any], fault: str) -> None:
    told = frozen().release(TWO).deployed("test", ONE)
    told.decided("waive", ONE, "prod", check="freeze", **more).wait(10)
    assert bool(reasons(told)) is bool(fault)
    assert not fault or f"; the waiver by ann@here {fault}" in reasons(told)["freeze"]


def test_waiver_is_undone_by_a_later_record_and_may_be_given_again() -> None:
    told = frozen().deployed("test", ONE)
    told.decided("waive", ONE, "prod", check="freeze").decided("unwaive", ONE, "prod", check="soak")
    assert reasons(told) == {}, "another rule"
    told.decided("unwaive", ONE, "prod", check="freeze", reason="it was the network")
    assert (
        "; the waiver by ann@here was taken back by ann@here: it was the network"
        in reasons(told)["freeze"]
    )
    told.decided("waive", ONE, "prod", check="freeze")
    assert reasons(told) == {}


def test_soak_can_be_waived() -> None:
    told = soaking()
    told.decided("waive", ONE, "prod", check="soak", edge=Edge(None))
    assert reasons(told) == {}


def waived_by_ann(**more: Any) -> Story:
    told = Story.of(test=rule(), prod=rule("test", smoke=(1, 1))).deployed("test", ONE)
    return told.decided("waive", ONE, "prod", check="smoke", **more)


def test_own_waiver_does_not_count_where_somebody_else_could_give_one() -> None:
    told = waived_by_ann(edge=Edge(None)).tell(signers_body((ANN, EVE)))
    assert reasons(told, asker="eve@there") == reasons(told) == {}
    assert "is by who asks" in reasons(told, asker="ann@here")["evidence-missing"]


def test_own_waiver_counts_where_nobody_else_is_there() -> None:
    told = waived_by_ann(edge=Edge(None)).tell(signers_body((ANN,)))
    assert reasons(told, asker="ann@here") == {}


def test_own_waiver_of_before_that_rule_is_no_breach() -> None:
    told = waived_by_ann().tell(signers_body((ANN, EVE)))
    told.phase("started", "prod", ONE)
    assert breaches(tuple(told.records)) == ()
