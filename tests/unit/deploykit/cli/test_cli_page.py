"""The page that an approver reads: what comes, the way back, and what is live; and approving it."""

from __future__ import annotations

import html
import json
from datetime import date
from typing import Any

import pytest
from deploykit.ledger import Ledger
from deploykit.ledger.bodies import Rehearsed, evidence_body
from deploykit.release import Release, cutting
from deploykit.site.going_back import RollbackClass
from ledgerbook import Call, deploy

BAD = "Fix <script>alert(1)</script> *it* \x1b[31m\n\nCloses-Bug: #1572495"


@pytest.fixture
def two(checkout_with_site: Any) -> list[Release]:
    """Two releases; test runs both one after the other, staging the first."""
    checkout, made = checkout_with_site, []
    ledger = Ledger.open(checkout.site)

    def cut() -> None:
        done = cutting.cut(checkout.site, ledger, commit=False, today=date(2026, 11, 21))
        made.append(done.release)
        deploy(ledger, done.release, "test")

    cut()
    deploy(ledger, made[0], "staging")
    checkout.change("x: 2\n")
    checkout.git("commit", "-q", "--amend", "-m", BAD)
    checkout.change("roles: {}\nschemas: {keystone: antelope}\n", "salt/roles.yml")
    cut()
    for release, version in zip(made, ("1.0", "1.1"), strict=True):
        ledger.append(
            lambda records, now, release=release, version=version: evidence_body(
                check="smoke", release=release.digest, over=None, environment="test",
                result="passed", attempt=1, seconds=4, packages={"cache": {"memcached": version}},
            )
        )  # fmt: skip
    return made


def test_page_says_what_comes_what_is_seen_and_the_way_back(call: Call, two: list[Release]) -> None:
    page = json.loads(call("release", "diff", "staging", "latest", "--json")[1])
    salt = next(book for book in page["books"] if book["book"] == "salt")
    assert [commit["closes"] for commit in salt["commits"]] == [[], ["1572495"]]
    moved = {"what": "the schema of keystone", "was": "zed", "will": "antelope"}
    assert page["moves"] == [{**moved, "takes": "restore", "roles": []}]
    # No node of staging has the database, so none can be brought back there.
    assert page["rollback"] == {
        "class": "forward-only",
        "because": ["the schema of keystone: zed before, antelope then"],
        "rehearsed": None,
    }
    assert page["packages"] == [
        {"role": "cache", "package": "memcached", "old": "1.0", "new": "1.1"}
    ]
    assert page["evidence"][0]["check"] == "smoke"
    assert {row["rule"] for row in page["rules"]} > {"from", "upgrade", "hold"}
    text = call("release", "diff", "staging", "latest")[1]
    moves = "going back: restore: only with the database of before (deploy-kit rollback --restore)"
    live = "going back in staging: forward-only, not rehearsed"
    seen = ["cache: memcached 1.0 -> 1.1", "✗  upgrade: ", "passed  smoke in test"]
    for words in (moves, moved["what"], live, *seen):
        assert words in text


def test_page_in_every_form_shows_others_words_as_words(call: Call, two: list[Release]) -> None:
    forms = {f: call("release", "diff", "staging", "latest", "--format", f)[1]
             for f in ("text", "markdown", "html")}  # fmt: skip
    assert all("\x1b" not in text for text in forms.values())
    assert "<script>" not in forms["html"]
    assert html.escape("<script>alert(1)</script>") in forms["html"]
    assert r"\<script\>alert(1)\</script\> \*it\*" in forms["markdown"]
    digest = json.loads(call("release", "diff", "staging", "latest", "--json")[1])["page"]
    assert all(digest in text for text in forms.values())


def test_page_is_the_same_elsewhere_and_later(
    call: Call, two: list[Release], checkout_with_site: Any
) -> None:
    old, new = (release.version for release in two)

    def digest(*words: str) -> str:
        return str(json.loads(call("release", "diff", *words, "--json")[1])["page"])

    first = digest("staging", "latest")
    assert digest(old, new) == first
    assert call("release", "prune", "--keep", "0", "--yes")[0] == 0
    call("hold", "staging", "--reason", "night")
    assert digest("staging", new) == first != digest(new, old)


def test_page_shows_the_last_rehearsal_of_going_back(
    call: Call, two: list[Release], checkout_with_site: Any
) -> None:
    (older, newer), ledger = two, Ledger.open(checkout_with_site.site)
    before = json.loads(call("release", "diff", "staging", "latest", "--json")[1])["page"]
    for environment, seconds in (("test", 7.0), ("staging", 41.2)):
        ledger.append(
            lambda records, now, environment=environment, seconds=seconds: evidence_body(
                check="rollback", release=newer.digest, over=older.digest, copy=True,
                environment=environment, result="passed", attempt=1, seconds=90,
                rehearsed=Rehearsed(RollbackClass.RESTORE, seconds),
            )
        )  # fmt: skip
    page = json.loads(call("release", "diff", "staging", "latest", "--json")[1])
    rehearsed = page["rollback"]["rehearsed"]
    assert (rehearsed["where"], rehearsed["back_in"]) == ("a copy of staging", 41.2)
    assert page["page"] == before
    said = "rehearsed in 41 s in a copy of staging"
    for form in ("text", "markdown", "html"):
        assert said in call("release", "diff", "staging", "latest", "--format", form)[1]


def test_page_over_nothing_lists_books_and_no_way_back(call: Call, two: list[Release]) -> None:
    page = json.loads(call("release", "diff", "production", "latest", "--json")[1])
    assert page["over"] is None and page["packages"] is None
    assert {book["kind"] for book in page["books"]} == {"added"}
    assert "there is nothing before" in call("release", "diff", "production", "latest")[1]


def test_same_release_has_an_empty_page(call: Call, two: list[Release]) -> None:
    out = call("release", "diff", two[0].version, two[0].version)[1]
    assert "no book changes" in out and "going back: reversible: deploy-kit rollback" in out


def test_approval_names_the_page_that_was_read(call: Call, two: list[Release]) -> None:
    version = two[1].version
    page = json.loads(call("release", "diff", "staging", version, "--json")[1])["page"]
    code, out, _ = call("approve", version, "staging", "--page", page[:12])
    assert code == 0
    n = out.split()[1].rstrip(":")
    record = json.loads(call("ledger", "show", n)[1])
    assert (record["page"], record["edge"]) == (page, {"over": two[0].digest})


@pytest.mark.parametrize(
    ("page", "code", "words"),
    [("0" * 12, 1, "the page of what would happen now is"), ("latest", 2, "no digest of a page")],
)
def test_approval_of_another_page_is_refused(
    call: Call, two: list[Release], page: str, code: int, words: str
) -> None:
    ended, _, err = call("approve", two[1].version, "staging", "--page", page)
    assert ended == code and words in err
