"""Who wrote a release, and hotfixes: what an environment runs with one book moved."""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from deploykit.base.errors import InputError, Refused
from deploykit.ledger import Ledger, view
from deploykit.ledger.bodies import policy_body
from deploykit.release import Release, authors, cutting
from deploykit.release.cutting import here_tokens
from deploykit.release.hotfix import move_books
from gitshelf.resolution import load
from ledgerbook import deploy, rule

from gitshelf import BookChanges

DAY = date(2026, 11, 21)


def cut(checkout: Any, **more: Any) -> Release:
    ledger = Ledger.open(checkout.site)
    return cutting.cut(checkout.site, ledger, commit=False, today=DAY, **more).release


def ask_for_authors(checkout: Any) -> None:
    asked = {"test": rule(), "prod": rule("test", approvals=1, without=["author"])}
    Ledger.open(checkout.site).append(lambda records, now: policy_body(asked))


def commit_as(checkout: Any, address: str, text: str, path: str = "salt/states/init.sls") -> str:
    (checkout.folder / path).write_text(text)
    who = ["-c", f"user.email={address}", "-c", "user.name=Jo"]
    checkout.git(*who, "commit", "-qam", "more", f"--author=Jo <{address}>")
    return str(checkout.git("rev-parse", "HEAD"))


def known(checkout: Any, release: Release) -> view.Released:
    return view.releases(Ledger.open(checkout.site).known)[release.digest]


def test_authors_of_what_the_release_before_has_not_are_recorded(checkout_with_site: Any) -> None:
    checkout = checkout_with_site
    ask_for_authors(checkout)
    first = cut(checkout)
    assert known(checkout, first).authors == ("ann@here",)
    commit_as(checkout, "jo@example.org", "x: 1\n")
    commit_as(checkout, "kim@example.org", "x: 2\n")
    second = known(checkout, cut(checkout))
    assert second.base == first.digest
    assert second.authors == ("jo@example.org", "kim@example.org")


def test_authors_are_not_asked_for_where_policy_does_not(checkout_with_site: Any) -> None:
    assert known(checkout_with_site, cut(checkout_with_site)).authors is None


def test_authors_after_a_rewritten_history_are_not_known(checkout_with_site: Any) -> None:
    checkout = checkout_with_site
    ask_for_authors(checkout)
    cut(checkout)
    checkout.git("checkout", "-q", "--orphan", "other")
    checkout.git("commit", "-qm", "another beginning")
    checkout.git("branch", "-qD", "main")
    checkout.git("branch", "-qm", "main")
    checkout.git("reflog", "expire", "--expire=now", "--all")
    checkout.git("gc", "-q", "--prune=now")
    shutil.rmtree(Path(os.environ["XDG_CACHE_HOME"]) / "gitshelf")
    assert known(checkout, cut(checkout)).authors is None


@pytest.mark.parametrize(("listed", "known"), [(True, ()), (False, None)])
def test_authors_of_a_folder_that_moved_are_known_if_its_commits_are(
    monkeypatch: pytest.MonkeyPatch, listed: bool, known: Any
) -> None:
    moved = BookChanges("a", "changed", "1" * 40, "2" * 40, "u", note="its folder", listed=listed)
    monkeypatch.setattr(authors, "compare_pins", lambda *args, **more: (moved,))
    assert authors.list_authors(None, Path("pins.yml"), {}) == known


def hotfix(checkout: Any, **moves: str) -> Any:
    site = checkout.site
    records = Ledger.open(site).known
    return move_books(site, records, "production", moves, here_tokens(site))


def test_hotfix_is_what_runs_with_one_book_moved(checkout_with_site: Any) -> None:
    checkout = checkout_with_site
    running = cut(checkout)
    deploy(Ledger.open(checkout.site), running, "production")
    commit_as(checkout, "jo@example.org", "x: 1\n")
    cut(checkout)  # goes its own way, to test
    fix = commit_as(checkout, "kim@example.org", "x: 2\n")
    done = cut(checkout, hotfix=hotfix(checkout, salt=fix))
    tokens = here_tokens(checkout.site)
    pins = {book.place: book.branch for book in load(done.manifest, tokens=tokens).books}
    before = {book.place: book.branch for book in load(running.manifest, tokens=tokens).books}
    assert done.version == "2026.47.3"
    assert pins == {**before, "salt": fix}


def test_hotfix_is_compared_with_what_it_stands_on(checkout_with_site: Any) -> None:
    checkout = checkout_with_site
    ask_for_authors(checkout)
    policy = {"production": rule(approvals=1, without=["author"])}
    Ledger.open(checkout.site).append(lambda records, now: policy_body(policy))
    running = cut(checkout)
    deploy(Ledger.open(checkout.site), running, "production")
    fix = commit_as(checkout, "kim@example.org", "x: 2\n")
    commit_as(checkout, "jo@example.org", "x: 3\n")
    cut(checkout)
    release = known(checkout, cut(checkout, hotfix=hotfix(checkout, salt=fix)))
    assert (release.base, release.authors) == (running.digest, ("kim@example.org",))


def test_hotfix_that_cannot_be_is_refused_by_name(checkout_with_site: Any) -> None:
    checkout = checkout_with_site
    running = cut(checkout)
    with pytest.raises(Refused, match="runs nothing yet"):
        hotfix(checkout, salt="a" * 40)
    deploy(Ledger.open(checkout.site), running, "production")
    with pytest.raises(InputError, match="has no book 'slat'") as refused:
        hotfix(checkout, slat="a" * 40)
    assert refused.value.remedy == "did you mean 'salt'?"
    with pytest.raises(InputError, match="no full SHA"):
        hotfix(checkout, salt="main")
    with pytest.raises(Refused, match="runs just that"):
        hotfix(checkout, salt=checkout.git("rev-parse", "HEAD"))
    running.manifest.write_text(running.manifest.read_text() + "# more\n")
    with pytest.raises(InputError, match="not the pins"):
        hotfix(checkout, salt="a" * 40)
    running.manifest.unlink()
    with pytest.raises(InputError, match="are not here"):
        hotfix(checkout, salt="a" * 40)
