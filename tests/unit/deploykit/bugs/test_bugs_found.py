"""Which release has what mends a bug: from the lines of commit messages."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.bugs import Mention, Relation, Step, bug_id, find
from deploykit.bugs import history as history_module
from deploykit.bugs.history import step_of, steps
from deploykit.ledger import Ledger
from deploykit.release.cutting import cut
from deploykit.site.keys import Key
from ledgerbook import Call
from sitecheckout import Checkout

from gitshelf import BookChanges

FIX = Mention("7", Relation.CLOSES, "salt", "a" * 40, "a fix")
TRY = Mention("7", Relation.PARTIAL, "salt", "b" * 40, "half a fix")
OTHER = Mention("8", Relation.CLOSES, "", "c" * 40, "other")


@pytest.mark.parametrize(
    ("text", "bug"),
    [
        ("1572495", "1572495"),
        ("#1572495", "1572495"),
        ("LP: #1572495", "1572495"),
        ("https://bugs.launchpad.net/nova/+bug/1572495", "1572495"),
        ("https://github.com/o/r/issues/12", "12"),
        ("1572495 (the first of two)", "1572495"),
        ("PROJ-12", "PROJ-12"),
    ],
)
def test_bug_is_known_however_people_write_it(text: str, bug: str) -> None:
    assert bug_id(text) == bug


def test_release_that_first_has_a_fix_is_named_with_where_it_runs() -> None:
    known = [Step("1"), Step("2", came=(TRY, OTHER)), Step("3", came=(FIX,)), Step("4")]
    fix, attempt = find("#7", known, {"test": "4", "staging": "2", "production": "1"})
    assert (fix.mention, fix.since, fix.environments) == (FIX, "3", ("test",))
    assert (attempt.mention, attempt.since) == (TRY, "2")
    assert attempt.environments == ("test", "staging")


def test_fix_that_was_taken_back_counts_for_the_releases_before() -> None:
    known = [Step("1"), Step("2", came=(FIX,)), Step("3", went=(FIX,)), Step("4")]
    (found,) = find("7", known, {"test": "4", "production": "2"})
    assert found.versions == ("2",)
    assert found.environments == ("production",)


@pytest.mark.parametrize(("listed", "unknown"), [(True, ()), (False, ("salt",))])
def test_book_whose_folder_moved_is_unknown_only_if_its_commits_are(
    listed: bool, unknown: tuple[str, ...]
) -> None:
    ids = ("1" * 40, "2" * 40)
    book = BookChanges("salt", "changed", *ids, "url", note="its folder was .", listed=listed)
    assert step_of("2", [book]).unknown == unknown


def released(checkout: Checkout, key: Key, *messages: str) -> str:
    """Commit with these messages and cut a release; gives its version."""
    for number, message in enumerate(messages):
        file = checkout.folder / "salt" / "states" / f"n{len(message)}-{number}.sls"
        file.write_text(message)
        checkout.git("add", ".")
        checkout.git("commit", "-q", "-m", message)
    return cut(checkout.site, Ledger.open(checkout.site, key), commit=False).release.version


def test_lines_of_messages_between_releases_are_read(
    checkout_with_site: Checkout, ann: Key, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = checkout_with_site
    site.change("a: 1\n")
    released(site, ann, "before\n\nCloses-Bug: #11")
    second = released(
        site,
        ann,
        "mend it\n\nCloses-Bug: #1572495\nRelated-Bug: #12",
        "half\n\nPartial-Bug: LP: #1572495\nCloses-Bug: 13",
    )
    third = released(site, ann, "more\n\nRelated-Bug: 12\nPartial-Bug: 12")
    status, out, said = call("bugs", "1572495")
    assert status == 0, said
    assert out.splitlines()[0] == f"{second} closes it; runs nowhere"
    assert out.splitlines()[1].endswith("mend it")
    assert out.splitlines()[2] == f"{second} partial it; runs nowhere"
    assert [one.since for one in find("12", steps(site.site), {})] == [third, second]
    assert call("bugs", "11")[0] == 1, "nothing is known of what the first release brought"
    monkeypatch.setattr(history_module, "changes", None)
    assert call("bugs", "13")[0] == 0, "what is between two releases is asked once"
    assert Path(site.site.state, "bugs").is_dir()
