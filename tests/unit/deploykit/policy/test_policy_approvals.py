"""Whose approval counts: edges, expiry, roles, authors, and who asks."""

from __future__ import annotations

from typing import Any

import pytest
from deploykit.ledger.bodies import Edge, signers_body
from deploykit.ledger.schema import Purpose
from deploykit.policy import evaluate
from deploykit.policy.replay import breaches
from deploykit.site.keys import ROLES, Signer
from ledgerbook import Named, Story, release, released, rule

ONE, TWO, THREE = release(1), release(2), release(3)
ANN = Signer("ann@here", "ssh-ed25519 AAAA", ROLES, frozenset({"Ann@Example.org"}))
BOB = Signer(
    "bob+approver@there", "ssh-ed25519 BBBB", frozenset({"approver"}), frozenset({"bob@b.org"})
)
BOB_MANAGES = Signer("bob@there", "ssh-ed25519 CCCC", frozenset({"release-manager"}))


def story(approvals: int = 1, **asked: Any) -> Story:
    told = Story.of(test=rule(), prod=rule("test", approvals=approvals, asked=asked))
    return told.tell(signers_body((ANN, BOB)))


def reasons(told: Story, what: Named = ONE, asker: str | None = None) -> dict[str, str]:
    verdict = evaluate(what, "prod", tuple(told.records), told.now, asker=asker)
    return {reason.code: reason.text for reason in verdict.reasons}


def approved(
    told: Story, what: Named = ONE, actor: str = "bob+approver@there", **more: Any
) -> Story:
    return told.decided("approve", what, "prod", actor=actor, **more)


def test_approval_counts_for_the_edge_it_was_given_for_alone() -> None:
    told = story().deployed("prod", TWO).deployed("test", ONE)
    approved(told, edge=Edge(TWO.digest))
    assert reasons(told) == {}
    told.deployed("prod", THREE, id="t")
    assert "bob@there (was given when prod ran 2026.47.2)" in reasons(told)["approvals"]


def test_approval_where_nothing_runs_is_for_the_first_deploy() -> None:
    told = approved(story().deployed("test", ONE), edge=Edge(None))
    assert reasons(told) == {}
    told.deployed("prod", TWO, id="t")
    assert "was given when prod ran nothing" in reasons(told)["approvals"]


def test_approval_of_before_edges_were_told_counts_for_every_edge() -> None:
    told = approved(story().deployed("test", ONE)).deployed("prod", TWO, id="t")
    assert reasons(told) == {}


@pytest.mark.parametrize(("seconds", "counts"), [(3599, True), (3600, False)])
def test_approval_expires(seconds: int, counts: bool) -> None:
    told = approved(story(expire=3600).deployed("test", ONE))
    told.now = told.records[-1].time
    told.wait(seconds)
    assert ("approvals" not in reasons(told)) is counts
    assert counts or "bob@there (was over at 2026-11-21T13:00:" in reasons(told)["approvals"]


def test_approval_anew_after_it_expired_counts() -> None:
    told = approved(story(expire=3600).deployed("test", ONE)).wait(4000)
    assert reasons(approved(told)) == {}


def test_approver_needs_the_role_that_policy_asks_with_whichever_key() -> None:
    told = approved(story(role="release-manager").deployed("test", ONE))
    assert "bob@there (is no release-manager)" in reasons(told)["approvals"]
    told.tell(signers_body((ANN, BOB, BOB_MANAGES)))
    assert reasons(told) == {}


def test_who_asks_for_the_entry_cannot_be_its_approver() -> None:
    told = approved(story(**{"not": ["ask"]}).deployed("test", ONE))
    assert reasons(told, asker="ann@here") == {}
    assert "bob@there (asks for it)" in reasons(told, asker="bob@there")["approvals"]


def test_entry_by_its_own_approver_is_shown_as_a_breach() -> None:
    told = approved(story(**{"not": ["ask"]}).deployed("test", ONE), actor="ann@here")
    told.phase("started", "prod", ONE, purpose=Purpose.PROMOTE)
    (breach,) = breaches(tuple(told.records))
    assert [reason.code for reason in breach.reasons] == ["approvals"]


def wrote(told: Story, what: Named, base: Named | None, *authors: str) -> Story:
    return told.tell(released(what, base=base.digest if base else None, authors=authors))


def test_author_of_any_commit_on_the_way_cannot_be_the_approver() -> None:
    told = story(**{"not": ["author"]})
    wrote(told, THREE, None).deployed("prod", THREE)
    wrote(told, TWO, THREE, "BOB@b.org")
    wrote(told, ONE, TWO, "ann@example.org").deployed("test", ONE)
    approved(told)
    assert "bob@there (wrote some of it)" in reasons(told)["approvals"]
    told.deployed("prod", TWO, id="t")  # what Bob wrote is there now
    assert reasons(told) == {}


@pytest.mark.parametrize(
    ("authors", "unknown", "code"),
    [
        (("ann@example.org",), "refuse", None),
        (("eve@evil.org", "ann@example.org"), "refuse", "eve@evil.org"),
        (("eve@evil.org",), "show", None),
        (None, "refuse", "nobody recorded"),
        (None, "show", None),
    ],
)
def test_commits_of_unknown_authors_are_refused_where_policy_says_so(
    authors: tuple[str, ...] | None, unknown: str, code: str | None
) -> None:
    told = story(**{"not": ["author"], "unknown_authors": unknown})
    told.tell(released(ONE, authors=authors)).deployed("test", ONE)
    said = reasons(approved(told))
    assert ("unknown-authors" in said) is (code is not None)
    assert code is None or code in said["unknown-authors"]
