"""Kits that may go: nothing that runs, ran before, or came since is among them."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from deploykit.ledger import Ledger
from deploykit.release import Release, Unbuilt, cutting, find_release, releases
from deploykit.release.cutting import build_release
from deploykit.release.pruning import needed_releases, spare_kits
from ledgerbook import Call, Story, deploy, release, rule

ONE, TWO, THREE, FOUR = (release(n) for n in (1, 2, 3, 4))


def test_what_runs_ran_before_and_is_under_way_is_needed() -> None:
    story = Story.of(test=rule(), prod=rule("test"))
    for n, what in enumerate([ONE, TWO, THREE]):
        story.deployed("prod", what, id=f"p{n}")
    story.phase("started", "test", FOUR)
    records = tuple(story.records)
    assert needed_releases(records, 0) == {FOUR.digest, THREE.digest, TWO.digest}
    assert needed_releases(records, 2) == {FOUR.digest, THREE.digest, TWO.digest, ONE.digest}


def test_what_a_rollback_left_and_goes_back_to_is_needed() -> None:
    story = Story.of(prod=rule())
    for n, what in enumerate([ONE, TWO, THREE]):
        story.deployed("prod", what, id=f"p{n}")
    story.deployed("prod", TWO, id="back", purpose="rollback")
    assert needed_releases(tuple(story.records), 0) == {TWO.digest, ONE.digest}


@pytest.fixture
def cuts(checkout_with_site: Any) -> list[Release]:
    """Four releases in the store of a site that runs nothing."""
    made = []
    for n in range(4):
        checkout_with_site.change(f"x: {n}\n")
        site = checkout_with_site.site
        done = cutting.cut(site, Ledger.open(site), commit=False, today=date(2026, 11, 21))
        made.append(done.release)
    return made


def test_only_kits_from_before_what_runs_go_and_are_built_again(
    call: Call, checkout_with_site: Any, cuts: list[Release]
) -> None:
    site = checkout_with_site.site
    assert spare_kits(site, Ledger.open(site).known, 0) == ()  # nothing runs: all may be wanted
    assert call("release", "prune", "--dry-run")[1] == "nothing goes\n"
    deploy(Ledger.open(site), cuts[2], "test")
    cuts[0].unpacked(site)
    words = ["release", "prune", "--keep", "0"]
    listed = json.loads(call(*words, "--dry-run", "--json")[1])
    assert [entry["version"] for entry in listed] == [cuts[0].version, cuts[1].version]
    assert all(entry["bytes"] > 1000 for entry in listed)
    code, _, err = call(*words)
    assert code == 1 and "the kits of 2 releases" in err and "--yes" in err
    assert call(*words, "--yes")[0] == 0
    assert [entry.version for entry in releases(site)] == [cuts[2].version, cuts[3].version]
    assert not cuts[0].place(site).exists()
    again = find_release(site, cuts[0].version)
    assert isinstance(again, Unbuilt)
    assert build_release(site, Ledger.open(site), again).digest == cuts[0].digest


def test_more_of_what_ran_before_stays_if_one_asks_for_it(
    checkout_with_site: Any, cuts: list[Release]
) -> None:
    site = checkout_with_site.site
    for what in (cuts[0], cuts[1], cuts[3]):
        deploy(Ledger.open(site), what, "test")
    records = Ledger.open(site).known
    gone = {keep: [s.release for s in spare_kits(site, records, keep)] for keep in (0, 2)}
    assert gone == {0: [cuts[0]], 2: []}
