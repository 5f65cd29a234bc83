"""The page that an approver reads in a browser, and what an environment's page tells of drift."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from deploykit.base.errors import DeployKitError
from deploykit.base.times import utc_now
from deploykit.base.trouble import Trouble
from deploykit.base.waiting import wait_until
from deploykit.ledger.bodies import Rehearsed, observation_body
from deploykit.ledger.schema import Subject
from deploykit.mirror.difference import SourceChange
from deploykit.release import Release
from deploykit.release.packages import VendorChange
from deploykit.release.page import Page
from deploykit.release.states import StateChange, StatesChange
from deploykit.site.going_back import Move, RollbackClass
from deploykit.web.edges import Edge, Edges
from deploykit.web.kept import Answer
from deploykit.web.pages.entries import EntryPage, edge_of, entry_page
from deploykit.web.pages.environments import environment_page
from deploykit.web.pages.places import State
from deploykit.web.snapshot import Snapshot
from gitshelf.compare.comparison import Change
from ledgerbook import Named, Story, release, rule
from webpages import RUNNABLE, snapshot_of

from gitshelf import BookChanges

ONE, TWO = release(1), release(2)
NAMES = ("test", "production")


def built(what: Named) -> Release:
    return Release(what.version, what.digest, Path("kits"), Path("pins.yml"))


def read(*moves: Move) -> Page:
    """The fixed part of the edge from ONE to TWO: of a book a commit, another's history is lost."""
    commit = Change("c" * 40, "Ann", 2**60, "mend <it>", (), ("7",))
    books = (
        BookChanges("salt", "changed", "a" * 40, "c" * 40, "u", (commit,)),
        BookChanges("tools", "changed", "a" * 40, "b" * 40, "u", listed=False),
    )
    return Page(built(ONE), built(TWO), books, moves)


@pytest.fixture
def told() -> Story:
    """Production runs ONE and asks for an approval of TWO, which test runs."""
    story = Story.of(test=rule(), production=rule("test", approvals=1))
    return story.deployed("test", ONE).deployed("production", ONE).deployed("test", TWO)


def seen(told: Story) -> Snapshot:
    return snapshot_of(told.records, NAMES, None, told.now)


def page_of(told: Story, what: Named, answer: Answer[Page] | None = None) -> EntryPage:
    known: Answer[Page] = answer or Answer()
    page = entry_page(seen(told), "production", what.version, lambda edge: known, RUNNABLE)
    assert page is not None
    return page


def test_page_of_an_edge_says_what_stands_against_it_and_what_to_do(told: Story) -> None:
    page = page_of(told, TWO)
    assert (page.version, page.over, page.place.state) == (TWO.version, ONE.version, State.WAITS)
    assert [why.code for why in page.place.why] == ["approvals"]
    unmet = [row.rule for row in page.rules if not row.met]
    assert unmet == ["approvals"] and len(page.rules) > 5
    assert page.approve == f"deploy-kit approve {TWO.version} production"
    assert (page.fixed, page.missing) == (None, None), "it is being read"


def test_page_that_was_read_is_what_an_approval_is_bound_to(told: Story) -> None:
    whole = read()
    page = page_of(told, TWO, Answer(whole, utc_now()))
    assert page.fixed is not None and page.fixed.page == whole.digest
    assert page.approve.endswith(f" --page {whole.digest[:12]}")
    salt, tools = page.fixed.books
    assert (salt.commits[0].subject, salt.commits[0].time.year) == ("mend <it>", 9999)
    assert (salt.listed, tools.listed) == (True, False)
    assert page.fixed.rollback == RollbackClass.REVERSIBLE
    move = Move("the schema of nova", "zed", "antelope", RollbackClass.RESTORE)
    moved = page_of(told, TWO, Answer(read(move), utc_now()))
    assert moved.fixed is not None and moved.fixed.rollback == RollbackClass.RESTORE
    assert "the schema of nova: zed before, antelope then" in moved.fixed.going_back


def test_page_says_how_going_back_was_rehearsed(told: Story) -> None:
    assert page_of(told, TWO).rehearsal == "not rehearsed"
    rehearsed = Rehearsed(RollbackClass.REVERSIBLE, 41.2)
    told.found("rollback", TWO, "production", over=ONE, copy=True, rehearsed=rehearsed)
    assert page_of(told, TWO).rehearsal.startswith("rehearsed in 41 s in a copy of production")


def test_packages_that_a_release_pins_are_on_the_page_that_is_signed(told: Story) -> None:
    change = SourceChange("openssl", "3.0.17-1", "3.0.18-1", ("libssl3",), (), ("CVE-2026-1",))
    whole = replace(read(), vendor=VendorChange("a" * 64, "b" * 64, (change,)))
    page = page_of(told, TWO, Answer(whole, utc_now()))
    assert page.fixed is not None and page.fixed.vendor == whole.vendor
    assert page.fixed.page == whole.digest != read().digest
    assert "nothing is downgraded" in page.fixed.going_back


def test_states_that_differ_are_on_the_page_that_is_signed(told: Story) -> None:
    changes = tuple(
        StateChange(
            part, f"{part}_service", "changed", roles, ("controller",), "d" * 64, ("+x",), 3
        )
        for part, roles in (("deployment", ()), ("nova", ("compute-api",)), ("base", ()))
    )
    whole = replace(read(), states=StatesChange("production", changes=changes))
    page = page_of(told, TWO, Answer(whole, utc_now()))
    assert page.fixed is not None and page.fixed.states is not None
    assert page.fixed.page == whole.digest != read().digest
    assert [group.heading for group in page.fixed.states.groups] == [
        "every role (on controller)",
        "compute-api (on controller)",
        "the deployment (on controller)",
    ]


def test_page_that_cannot_be_read_says_why_and_keeps_what_it_had(told: Story) -> None:
    trouble = Trouble.of(DeployKitError("no such kit", "build it"))
    page = page_of(told, TWO, Answer(trouble=trouble))
    assert page.missing is not None
    assert (page.missing.text, page.missing.remedy) == ("no such kit", "build it")
    assert page_of(told, TWO, Answer(read(), utc_now(), trouble)).missing is None


def test_page_of_what_arrived_is_over_what_ran_before(told: Story) -> None:
    told.deployed("production", TWO, over=ONE.digest)
    page = page_of(told, TWO)
    assert (page.place.state, page.over, page.approve) == (State.RUNS, ONE.version, "")
    assert page.rules == ()


def test_edge_that_is_none_has_no_page(told: Story) -> None:
    now = seen(told)
    assert edge_of(now, "production", TWO.version) == (
        ONE.digest,
        TWO.digest,
        "production",
    )
    assert edge_of(now, "nowhere", TWO.version) is None
    assert edge_of(now, "production", "2026.1.1") is None


def test_edge_is_read_in_the_background_once() -> None:
    asked: list[Edge] = []
    go_on = threading.Event()

    def slow(edge: Edge) -> Page:
        asked.append(edge)
        assert go_on.wait(60)
        return read()

    edges, edge = Edges(slow), (ONE.digest, TWO.digest, "production")
    assert edges.latest(edge).value is None, "nobody waits"
    go_on.set()
    assert wait_until(lambda: edges.latest(edge).value is not None, 60)
    assert asked == [edge]


def test_page_of_an_environment_shows_what_was_observed_newest_first(told: Story) -> None:
    for nodes in ({"db": 2}, {}):
        told.tell(
            observation_body(
                Subject.DRIFT, environment="production", release=ONE.digest, seconds=3,
                summary="db: file /etc/x: changed" if nodes else "none on 1 nodes", nodes=nodes,
            )
        )  # fmt: skip
    page = environment_page(seen(told), "production")
    assert page is not None
    assert page.compared is None
    newest, before = page.observations
    assert (newest.clean, before.clean, before.nodes) == (True, False, {"db": 2})
    assert (before.subject, before.version) == ("drift", ONE.version)
    other = environment_page(seen(told), "test")
    assert other is not None and other.observations == ()


def test_page_of_an_environment_shows_its_last_comparison_from_either_side(told: Story) -> None:
    for nodes in ({}, {"db": 2}):
        told.tell(
            observation_body(
                Subject.COMPARISON, environment="test", release=TWO.digest, seconds=3,
                summary="database: kernel kernel: 6.1 | 6.2", nodes=nodes,
                against=("production", ONE.digest),
            )
        )  # fmt: skip
    for name in NAMES:
        page = environment_page(seen(told), name)
        assert page is not None and page.observations == ()
        assert page.compared is not None and not page.compared.clean
        assert (page.compared.first, page.compared.first_version) == ("test", TWO.version)
        assert (page.compared.second, page.compared.second_version) == ("production", ONE.version)
