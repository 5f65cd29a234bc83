"""Lead time by stage, and soak, of histories made by hand."""

from __future__ import annotations

from deploykit.figures.stages import Soak, Stage, soaks, stages
from deploykit.ledger import view
from ledgerbook import NOON, Story, release, rule

ONE, TWO, THREE = release(1), release(2), release(3)
SOURCES = {"test": None, "prod": "test"}
HOUR = 3600.0


def line() -> Story:
    return Story.of(test=rule(), prod=rule("test"))


def attempts(told: Story) -> dict[str, tuple[view.Attempt, ...]]:
    return {name: view.attempts(told.records, name) for name in SOURCES}


def staged(told: Story) -> tuple[Stage, ...]:
    known = view.releases(told.records)
    cut = {digest: told.records[found.n].time for digest, found in known.items()}
    return stages(SOURCES, attempts(told), cut, NOON)


def soaked(told: Story, asked: int = 0) -> Soak:
    (found,) = soaks(SOURCES, attempts(told), {"prod": asked})
    return found


def test_stage_is_from_the_first_run_in_one_environment_to_that_in_the_next() -> None:
    told = line()
    for what, hours in ((ONE, 1), (TWO, 3), (THREE, 2)):
        told.release(what).wait(600).deployed("test", what)
        told.deployed("test", what, id="again").wait(hours * HOUR).deployed("prod", what)
    test, prod = staged(told)
    assert (test.source, prod.source) == (None, "test")
    assert test.seconds is not None and test.seconds.median == 600 + 2
    assert prod.seconds is not None and prod.seconds.count == 3
    assert prod.seconds.median == 2 * HOUR + 4 and prod.seconds.longest == 3 * HOUR + 4


def test_release_that_went_past_a_stage_is_not_counted_for_it() -> None:
    told = line().deployed("prod", ONE).deployed("test", ONE)
    assert staged(told)[1].seconds is None


def test_stage_that_no_release_came_through_has_no_figures() -> None:
    assert [stage.seconds for stage in staged(line())] == [None, None]


def test_soak_ends_when_the_first_deploy_further_on_begins() -> None:
    told = line().deployed("test", ONE).wait(2 * HOUR)
    told.deployed("prod", ONE, end="failed").wait(HOUR).deployed("prod", ONE, id="again")
    found = soaked(told, asked=3600)
    assert (found.source, found.environment, found.asked) == ("test", "prod", 3600)
    assert [(one.version, one.seconds) for one in found.releases] == [(ONE.version, 2 * HOUR + 1)]


def test_soak_of_what_never_ran_in_the_source_is_not_told() -> None:
    assert soaked(line().deployed("prod", ONE)).releases == ()


def test_of_many_releases_the_last_are_told() -> None:
    told = line()
    for n in range(1, 20):
        told.deployed("test", release(n)).deployed("prod", release(n))
    assert [one.version for one in soaked(told).releases] == [
        release(n).version for n in range(10, 20)
    ]
