from __future__ import annotations

from typing import Any

from deploykit.policy import evaluate
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgerbook import Named, Story, release, rule

RELEASES = [release(n) for n in (1, 2, 3)]
ENVIRONMENTS = ["test", "staging", "prod"]
CHECKS = ["smoke", "idempotence", "upgrade", "bootstrap"]
releases = st.sampled_from(RELEASES)
environments = st.sampled_from(ENVIRONMENTS)
checks = st.sampled_from(CHECKS)
evidence = st.tuples(
    st.just("found"),
    checks,
    releases,
    environments,
    st.sampled_from(["passed", "failed", "not-applicable"]),
    st.none() | releases,
    st.booleans(),
)
deploys = st.tuples(
    st.just("deployed"), environments, releases, st.sampled_from(["finished", "failed", "renewed"])
)
decisions = st.tuples(
    st.just("decided"),
    st.sampled_from(["approve", "veto", "pin"]),
    releases,
    environments,
    st.sampled_from(["ann@here", "bob@there"]),
)
counts = st.tuples(st.integers(1, 3), st.integers(1, 3)).map(lambda p: (max(p), min(p)))
policies = st.fixed_dictionaries(dict.fromkeys(CHECKS, counts))


def tell(events: list[tuple[Any, ...]], asks: dict[str, tuple[int, int]]) -> Story:
    story = Story.of(test=rule(), staging=rule("test", **asks), prod=rule("staging", **asks))
    for n, (kind, *rest) in enumerate(events):
        if kind == "found":
            check, what, environment, result, over, copy = rest
            story.found(check, what, environment, result, over=over, copy=copy)
        elif kind == "deployed":
            environment, what, end = rest
            story.deployed(environment, what, end, id=f"d{n}")
        else:
            decision, what, environment, actor = rest
            story.decided(decision, what, environment, actor)
    return story


stories = st.builds(tell, st.lists(evidence | deploys | decisions, max_size=14), policies)


@settings(max_examples=150, deadline=None)
@given(stories, releases, st.sampled_from(["staging", "prod"]), checks, st.booleans(), environments)
def test_one_more_failure_never_lets_a_refused_release_in(
    story: Story, what: Named, environment: str, check: str, copy: bool, where: str
) -> None:
    before = evaluate(what, environment, tuple(story.records), story.now)
    for over in (None, *RELEASES):
        story.found(check, what, where, "failed", over=over, copy=copy)
    after = evaluate(what, environment, tuple(story.records), story.now)
    assert before.allowed or not after.allowed


@settings(max_examples=150, deadline=None)
@given(stories, releases, st.sampled_from(["staging", "prod"]), checks)
def test_what_failed_for_good_stays_failed_however_often_it_passes_later(
    story: Story, what: Named, environment: str, check: str
) -> None:
    def failed() -> set[str]:
        verdict = evaluate(what, environment, tuple(story.records), story.now)
        return {r.text.split()[0] for r in verdict.reasons if r.code == "check-failed"}

    before = failed()
    for over in (None, *RELEASES):
        for copy in (False, True):
            story.found(check, what, environment, "passed", over=over, copy=copy)
            story.found(check, what, "test", "passed", over=over, copy=copy)
    assert before <= failed()


@settings(max_examples=150, deadline=None)
@given(stories, releases, environments)
def test_answer_is_of_the_records_alone_and_allowed_means_no_reason(
    story: Story, what: Named, environment: str
) -> None:
    records = tuple(story.records)
    verdict = evaluate(what, environment, records, story.now)
    assert verdict == evaluate(what, environment, records, story.now)
    assert verdict.allowed is (verdict.reasons == ())
    assert len(verdict.needed) == sum(r.code == "evidence-missing" for r in verdict.reasons)
    assert all(reason.text and reason.code for reason in verdict.reasons)


@settings(max_examples=100, deadline=None)
@given(stories, releases, environments)
def test_hold_refuses_everything(story: Story, what: Named, environment: str) -> None:
    story.decided("hold", environment=environment)
    verdict = evaluate(what, environment, tuple(story.records), story.now)
    assert "hold" in [reason.code for reason in verdict.reasons]
