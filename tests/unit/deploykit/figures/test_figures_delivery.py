"""DORA's four figures, of histories made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from deploykit.figures import Spread, spread
from deploykit.figures.delivery import Delivery, delivery, monday
from deploykit.figures.deployments import Deployment, deployments
from deploykit.ledger import view
from deploykit.ledger.bodies import genesis_body
from deploykit.site.keys import ROLES, Signer
from ledgerbook import Story, release, rule

ONE, TWO, THREE = release(1), release(2), release(3)
FRIDAY = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
HOUR = 3600.0
SIGNERS = (Signer("ann@here", "ssh-ed25519 AAAA", ROLES),)


def story() -> Story:
    """A ledger that began five weeks before FRIDAY."""
    began = Story(FRIDAY - timedelta(weeks=5))
    return began.tell(genesis_body("trial", SIGNERS, {"prod": rule()}))


def counted(told: Story) -> tuple[Deployment, ...]:
    return deployments(view.attempts(told.records, "prod"))


def figures(told: Story, now: datetime) -> Delivery:
    cut = {
        digest: told.records[known.n].time for digest, known in view.releases(told.records).items()
    }
    return delivery("prod", counted(told), cut, told.records[0].time, now)


def test_deploy_of_what_runs_already_is_no_deployment() -> None:
    told = story().deployed("prod", ONE).deployed("prod", ONE, id="again")
    assert [one.release for one in counted(told)] == [ONE.digest]


def test_deploy_that_brings_about_other_files_is_a_deployment() -> None:
    first, second = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
    told = story().deployed("prod", ONE, environment_digest=first)
    told.deployed("prod", ONE, id="same", environment_digest=first)
    told.deployed("prod", ONE, id="other", environment_digest=second)
    assert len(counted(told)) == 2


def test_deploy_under_way_is_not_counted() -> None:
    told = story().deployed("prod", ONE).phase("started", "prod", TWO)
    assert [one.release for one in counted(told)] == [ONE.digest]


def test_failed_deploy_is_restored_by_the_next_that_goes_well() -> None:
    told = story().deployed("prod", ONE)
    told.deployed("prod", TWO, end="failed").wait(2 * HOUR).deployed("prod", THREE)
    one, two, three = counted(told)
    assert (one.failed, two.failed, three.failed) == (False, True, False)
    assert not two.finished and two.restored == told.records[-1].time
    assert two.seconds_to_restore is not None and two.seconds_to_restore >= 2 * HOUR


def test_rollback_marks_what_it_takes_away_as_failed_and_is_no_deployment() -> None:
    told = story().deployed("prod", ONE).deployed("prod", TWO).wait(HOUR)
    told.deployed("prod", ONE, id="back", purpose="rollback")
    one, two = counted(told)
    assert not one.failed
    assert two.finished and two.failed and two.restored == told.records[-1].time


def test_rollback_after_a_failed_deploy_blames_that_and_not_what_ran() -> None:
    told = story().deployed("prod", ONE).deployed("prod", TWO, end="failed")
    told.deployed("prod", ONE, id="back", purpose="rollback")
    one, two = counted(told)
    assert not one.failed and two.failed and two.restored == told.records[-1].time


def test_failure_that_nothing_has_mended_is_counted_and_has_no_time() -> None:
    told = story().deployed("prod", ONE).deployed("prod", TWO, end="failed")
    found = figures(told, FRIDAY)
    assert found.restore is None and found.unrestored == 1


def test_four_figures_of_a_history() -> None:
    told = story()
    for n in range(1, 5):  # one a week, each four hours after its cut
        told.now = FRIDAY - timedelta(weeks=5 - n)
        told.release(release(n)).wait(4 * HOUR)
        told.deployed("prod", release(n))
    told.wait(HOUR).deployed("prod", release(3), id="back", purpose="rollback")
    found = figures(told, FRIDAY + timedelta(days=1))
    assert (found.deployments, found.failed, found.failure_rate) == (4, 1, 0.25)
    assert found.lead_time == Spread(4, 4 * HOUR + 2, 4 * HOUR + 2)
    assert found.restore is not None and found.restore.median == HOUR + 2
    assert [(week.finished, week.failed) for week in found.weeks] == [
        (0, 0),
        (1, 0),
        (1, 0),
        (1, 0),
        (1, 1),
        (0, 0),
    ]
    assert 0.7 < found.per_week < 0.9, "four in a little more than five weeks"


def test_weeks_before_the_ledger_began_are_not_weeks_without_deployments() -> None:
    told = Story(FRIDAY).tell(genesis_body("trial", SIGNERS, {"prod": rule()}))
    told.deployed("prod", ONE)
    found = figures(told, FRIDAY + timedelta(hours=2))
    assert len(found.weeks) == 1 and found.per_week == 1.0


def test_figures_of_an_environment_without_deployments_are_none() -> None:
    found = figures(story(), FRIDAY)
    assert found.failure_rate is None and found.lead_time is None and found.restore is None
    assert found.per_week == 0


def test_only_the_last_twelve_weeks_count() -> None:
    told = story().deployed("prod", ONE)
    found = figures(told, FRIDAY + timedelta(weeks=20))
    assert found.deployments == 0 and len(found.weeks) == 12
    assert found.since == monday(FRIDAY + timedelta(weeks=9))


def test_spread_has_the_middle_and_the_longest() -> None:
    assert spread([1, 2, 9]) == Spread(3, 2, 9)
    assert spread([]) is None
