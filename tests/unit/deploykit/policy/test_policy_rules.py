from __future__ import annotations

from collections.abc import Callable

import pytest
from deploykit.base.errors import Refused
from deploykit.policy import NeededCheck, Verdict, evaluate, evaluate_rollback
from ledgerbook import Named, Story, release, rule

ONE, TWO, THREE = release(1), release(2), release(3)
CHECKS = {"smoke": (1, 1), "idempotence": (1, 1), "upgrade": (1, 1), "bootstrap": (1, 1)}


def story(**target: object) -> Story:
    """A site with test -> prod, where prod asks for every check unless `target` says else."""
    asks = {**CHECKS, **target}
    return Story.of(test=rule(), prod=rule("test", **asks))  # type: ignore[arg-type]


def proven(told: Story, what: Named = ONE, over: Named | None = None) -> Story:
    """`what` was deployed in test and every check for prod passed."""
    told.deployed("test", what)
    told.found("smoke", what, "test").found("idempotence", what, "test")
    told.found("bootstrap", what, "prod", copy=True)
    return told.found("upgrade", what, "test", over=over) if over else told


def ask(told: Story, what: Named = ONE, environment: str = "prod") -> Verdict:
    return evaluate(what, environment, tuple(told.records), told.now)


def codes(verdict: Verdict) -> list[str]:
    return [reason.code for reason in verdict.reasons]


def test_first_environment_takes_any_release() -> None:
    assert ask(story(), environment="test").allowed


def test_release_with_everything_may_enter() -> None:
    assert ask(proven(story())) == Verdict(())


def test_unknown_environment_has_no_policy() -> None:
    verdict = ask(story(), environment="moon")
    assert codes(verdict) == ["no-policy"] and "policy apply" in verdict.reasons[0].remedy


def test_release_that_runs_there_already_needs_no_evidence() -> None:
    told = story(approvals=2, soak=60).deployed("prod", ONE)
    assert ask(told).allowed


def test_release_that_runs_there_may_mend_what_another_broke() -> None:
    told = proven(story()).deployed("prod", ONE).deployed("prod", TWO, "failed", id="x")
    assert ask(told).allowed
    assert codes(ask(told.decided("hold", environment="prod"))) == ["hold"]


def test_nothing_proven_names_every_reason_and_every_check() -> None:
    told = story(approvals=1).deployed("prod", THREE)
    verdict = ask(told)
    assert codes(verdict) == ["not-in-source", "approvals", *["evidence-missing"] * 4]
    assert verdict.needed == (
        NeededCheck("bootstrap", None),
        NeededCheck("idempotence", None),
        NeededCheck("smoke", None),
        NeededCheck("upgrade", THREE.digest),
    )
    with pytest.raises(Refused) as error:
        verdict.demand("promote")
    for reason in verdict.reasons:
        assert reason.text in error.value.message
        assert reason.remedy in error.value.remedy
    assert verdict.blocked


def test_missing_evidence_alone_does_not_block() -> None:
    verdict = ask(story().deployed("test", ONE))
    assert not verdict.allowed and not verdict.blocked


@pytest.mark.parametrize(
    ("tell", "code"),
    [
        (lambda told: told.deployed("test", TWO, id="y"), "not-in-source"),
        (lambda told: told.deployed("test", TWO, "failed", id="y"), "source-failed"),
        (lambda told: told.deployed("test", ONE, "failed", id="y"), "source-failed"),
        (lambda told: told.phase("started", "test", TWO, id="y"), "source-unsettled"),
        (lambda told: told.phase("started", "test", TWO, id="y").wait(9999), "source-unsettled"),
        (lambda told: told.decided("veto", ONE, "prod"), "veto"),
        (lambda told: told.decided("veto", ONE), "veto"),
        (lambda told: told.decided("hold", environment="prod"), "hold"),
        (lambda told: told.decided("pin", TWO, "prod"), "pin"),
        (lambda told: told.phase("started", "prod", TWO), "in-flight"),
    ],
)
def test_one_thing_against_an_otherwise_proven_release_refuses_it(
    tell: Callable[[Story], Story], code: str
) -> None:
    verdict = ask(tell(proven(story())))
    assert codes(verdict) == [code] and verdict.blocked


@pytest.mark.parametrize(
    "tell",
    [
        lambda told: told.decided("veto", TWO),
        lambda told: told.decided("veto", ONE, "test"),
        lambda told: told.decided("veto", ONE).decided("approve", ONE, "prod"),
        lambda told: told.decided("hold", environment="test"),
        lambda told: told.decided("hold", environment="prod").decided("unhold", None, "prod"),
        lambda told: told.decided("pin", ONE, "prod"),
        lambda told: told.decided("pin", TWO, "prod").decided("unpin", None, "prod"),
        lambda told: told.decided("pin", TWO, "test"),
        lambda told: told.phase("started", "prod", TWO, lease=60).wait(60),
        lambda told: told.deployed("prod", TWO, "failed"),
        lambda told: told.deployed("test", TWO, "failed", id="y").deployed("test", ONE, id="z"),
    ],
)
def test_what_is_about_something_else_or_over_does_not_refuse(
    tell: Callable[[Story], Story],
) -> None:
    assert ask(tell(proven(story()))).allowed


def test_veto_is_taken_back_only_by_who_gave_it() -> None:
    told = proven(story()).decided("veto", ONE, actor="bob@there").decided("approve", ONE, "prod")
    verdict = ask(told)
    assert codes(verdict) == ["veto"] and "bob@there" in verdict.reasons[0].text


def test_lease_in_force_names_owner_and_end() -> None:
    told = proven(story()).phase("started", "prod", TWO, lease=60)
    (reason,) = ask(told).reasons
    assert "ann@elsewhere (process 7)" in reason.text
    assert told.records[-1].body["lease_until"] in reason.text


def test_own_lease_does_not_stand_in_the_way() -> None:
    told = proven(story()).phase("started", "prod", ONE, id="mine")
    assert evaluate(ONE, "prod", tuple(told.records), told.now, own_deploy="mine").allowed
    assert not evaluate(ONE, "prod", tuple(told.records), told.now, own_deploy="other").allowed


@pytest.mark.parametrize(
    ("check", "where", "counts"),
    [
        ("smoke", {"environment": "test"}, True),
        ("smoke", {"environment": "test", "edge": "prod"}, True),
        ("smoke", {"environment": "test", "edge": "other"}, False),
        ("smoke", {"environment": "test", "copy": True}, False),
        ("smoke", {"environment": "prod", "copy": True}, False),
        ("smoke", {"environment": "prod"}, False),
        ("bootstrap", {"environment": "test"}, True),
        ("bootstrap", {"environment": "test", "copy": True}, True),
        ("bootstrap", {"environment": "prod", "copy": True}, True),
        ("bootstrap", {"environment": "prod"}, False),
        ("bootstrap", {"environment": "other", "copy": True}, False),
        ("bootstrap", {"environment": "test", "over": THREE}, False),
        ("upgrade", {"environment": "test", "over": THREE}, True),
        ("upgrade", {"environment": "prod", "over": THREE, "copy": True}, True),
        ("upgrade", {"environment": "prod", "over": THREE}, False),
        ("upgrade", {"environment": "test", "over": TWO}, False),
        ("upgrade", {"environment": "test"}, False),
        ("upgrade", {"environment": "other", "over": THREE, "copy": True}, False),
    ],
)
def test_evidence_counts_only_for_the_edge_that_it_was_gathered_for(
    check: str, where: dict[str, object], counts: bool
) -> None:
    told = Story.of(test=rule(), prod=rule("test", **{check: (1, 1)}))
    told.deployed("prod", THREE).deployed("test", ONE)
    told.found(check, ONE, **where)  # type: ignore[arg-type]
    assert ask(told).allowed is counts


RUNNABLE = frozenset({"smoke", "upgrade"})


def runs(told: Story, environment: str = "prod") -> Verdict:
    """The verdict for somebody who can run RUNNABLE."""
    return evaluate(ONE, environment, tuple(told.records), told.now, runnable=RUNNABLE)


def test_missing_evidence_of_a_check_that_no_train_runs_is_asked_for_by_its_command() -> None:
    told = Story.of(test=rule(), prod=rule("test", smoke=(1, 1), tempest=(2, 2)))
    verdict = runs(told.deployed("test", ONE).found("tempest", ONE, "test"))
    assert codes(verdict) == ["evidence-missing", "evidence-to-add"]
    assert verdict.needed == (NeededCheck("smoke", None),) and not verdict.blocked
    reason = verdict.reasons[1]
    assert reason.text.startswith("no evidence of tempest for prod (1 of 2 so far): no train runs")
    assert "smoke, upgrade" in reason.text
    assert reason.remedy == "deploy-kit evidence add tempest test FILE"


def test_added_evidence_lets_a_release_in_and_its_failure_keeps_it_out() -> None:
    told = Story.of(test=rule(), prod=rule("test", tempest=(1, 1))).deployed("test", ONE)
    assert runs(told.found("tempest", ONE, "test")).allowed
    assert codes(runs(told.found("tempest", ONE, "test", "failed"))) == ["check-failed"]


def test_check_that_no_train_runs_and_no_environment_could_have_blocks_at_once() -> None:
    verdict = runs(Story.of(test=rule(tempest=(1, 1))), "test")
    assert codes(verdict) == ["evidence-from-nowhere"] and verdict.blocked
    assert "promotion.from" in verdict.reasons[0].remedy


@pytest.mark.parametrize("runnable", [None, frozenset(), RUNNABLE])
def test_what_can_be_run_never_changes_whether_a_release_may_enter(
    runnable: frozenset[str] | None,
) -> None:
    for told in (proven(story()), proven(story()).decided("veto", ONE), story()):
        verdict = evaluate(ONE, "prod", tuple(told.records), told.now, runnable=runnable)
        assert verdict.allowed is ask(told).allowed
        assert len(verdict.reasons) == len(ask(told).reasons)


def test_evidence_of_another_release_does_not_count() -> None:
    told = Story.of(test=rule(), prod=rule("test", smoke=(1, 1)))
    told.deployed("test", ONE).found("smoke", TWO, "test")
    assert codes(ask(told)) == ["evidence-missing"]


def test_upgrade_is_judged_anew_when_the_target_moved_on() -> None:
    told = story().deployed("prod", TWO)
    proven(told, over=TWO)
    assert ask(told).allowed
    told.deployed("prod", THREE, id="t")
    verdict = ask(told)
    assert verdict.needed == (NeededCheck("upgrade", THREE.digest),)


def test_upgrade_where_nothing_runs_needs_no_evidence() -> None:
    told = Story.of(test=rule(), prod=rule("test", upgrade=(1, 1)))
    assert ask(told.deployed("test", ONE)).allowed


P, F, N = "passed", "failed", "not-applicable"


@pytest.mark.parametrize(
    ("attempts", "passes", "results", "answer"),
    [
        (1, 1, [], "needed"),
        (1, 1, [P], "allowed"),
        (1, 1, [F], "refused"),
        (1, 1, [F, P], "refused"),
        (1, 1, [F, P, P, P], "refused"),
        (1, 1, [P, F], "refused"),
        (3, 2, [F], "needed"),
        (3, 2, [P], "needed"),
        (3, 2, [F, P], "needed"),
        (3, 2, [F, P, P], "allowed"),
        (3, 2, [P, F, P], "allowed"),
        (3, 2, [P, P], "allowed"),
        (3, 2, [F, F], "refused"),
        (3, 2, [F, F, P, P], "refused"),
        (3, 2, [P, F, F, P], "refused"),
        (2, 2, [F], "refused"),
        (3, 1, [F, F, P], "allowed"),
        (3, 1, [F, F, F, P], "refused"),
        (1, 1, [N], "needed"),
        (1, 1, [N, P], "allowed"),
    ],
)
def test_first_attempts_must_pass_and_no_later_failure_is_forgotten(
    attempts: int, passes: int, results: list[str], answer: str
) -> None:
    told = Story.of(test=rule(), prod=rule("test", smoke=(attempts, passes)))
    told.deployed("test", ONE)
    for result in results:
        told.found("smoke", ONE, "test", result, summary="it broke")
    verdict = ask(told)
    assert verdict.allowed is (answer == "allowed")
    assert bool(verdict.needed) is (answer == "needed")
    if answer == "refused":
        assert codes(verdict) == ["check-failed"] and "it broke" in verdict.reasons[0].text
        assert "deploy-kit waive" in verdict.reasons[0].remedy


@pytest.mark.parametrize(
    ("waiver", "allowed"),
    [
        (("waive", ONE, "prod", "smoke"), True),
        (("waive", ONE, "prod", "upgrade"), False),
        (("waive", TWO, "prod", "smoke"), False),
        (("waive", ONE, "test", "smoke"), False),
    ],
)
@pytest.mark.parametrize("result", [F, None])
def test_waiver_lets_only_its_release_skip_only_its_check(
    waiver: tuple[str, Named, str, str], allowed: bool, result: str | None
) -> None:
    told = Story.of(test=rule(), prod=rule("test", smoke=(1, 1))).deployed("test", ONE)
    if result:
        told.found("smoke", ONE, "test", result)
    told.decided(waiver[0], waiver[1], waiver[2], check=waiver[3])
    assert ask(told).allowed is allowed


@pytest.mark.parametrize(("seconds", "allowed"), [(0, False), (3599, False), (3600, True)])
def test_soak_counts_from_when_the_source_ran_it(seconds: int, allowed: bool) -> None:
    told = Story.of(test=rule(), prod=rule("test", soak=3600)).deployed("test", ONE)
    told.now = told.records[-1].time
    verdict = ask(told.wait(seconds))
    assert verdict.allowed is allowed
    assert allowed or codes(verdict) == ["soak"]


def test_deploying_the_same_again_does_not_restart_the_soak() -> None:
    told = Story.of(test=rule(), prod=rule("test", soak=3600)).deployed("test", ONE)
    told.wait(3000).deployed("test", ONE, id="again").wait(700)
    assert ask(told).allowed


def test_another_release_in_between_restarts_the_soak() -> None:
    told = Story.of(test=rule(), prod=rule("test", soak=3600)).deployed("test", ONE)
    told.wait(3600).deployed("test", TWO, id="b").deployed("test", ONE, id="c").wait(100)
    assert codes(ask(told)) == ["soak"]


@pytest.mark.parametrize(
    ("acts", "allowed"),
    [
        ([], False),
        ([("approve", "ann@here")], False),
        ([("approve", "ann@here"), ("approve", "ann@here")], False),
        ([("approve", "ann@here"), ("approve", "bob@there")], True),
        ([("approve", "ann@here"), ("approve", "bob@there"), ("veto", "ann@here")], False),
    ],
)
def test_approvals_are_of_distinct_people(acts: list[tuple[str, str]], allowed: bool) -> None:
    told = Story.of(test=rule(), prod=rule("test", approvals=2)).deployed("test", ONE)
    for act, actor in acts:
        told.decided(act, ONE, "prod", actor)
    assert ask(told).allowed is allowed


def test_approval_for_another_release_or_environment_does_not_count() -> None:
    told = Story.of(test=rule(), prod=rule("test", approvals=1)).deployed("test", ONE)
    told.decided("approve", TWO, "prod").decided("approve", ONE, "test")
    assert codes(ask(told)) == ["approvals"]


def test_rollback_asks_no_evidence_but_heeds_people_and_leases() -> None:
    told = story().deployed("prod", ONE).deployed("prod", TWO)

    def back(what: Named) -> Verdict:
        return evaluate_rollback(what, "prod", tuple(told.records), told.now)

    assert back(ONE).allowed
    assert codes(back(THREE)) == ["never-ran"]
    told.decided("hold", environment="prod").decided("veto", ONE).phase(
        "started", "prod", THREE, id="z"
    )
    assert codes(back(ONE)) == ["veto", "hold", "in-flight"]


def test_state_of_the_gate_is_refused_by_what_it_is() -> None:
    state = Named(ONE.digest, "0-gate-0123456789ab")
    assert "speculative" in codes(ask(proven(story()), state))
    told = story()
    assert codes(ask(told, state, "test")) == ["speculative"]


def test_what_the_gate_found_counts_for_every_environment() -> None:
    told = Story.of(test=rule(), prod=rule("test", gated=(1, 1)))
    told.deployed("test", ONE)
    assert ask(told).needed == (NeededCheck("gated", None),)
    told.found("gated", ONE, "elsewhere", copy=True)
    assert ask(told).allowed
    told.found("gated", TWO, "elsewhere", copy=True)
    told.deployed("test", THREE, id="z")
    assert not ask(told, THREE).allowed
