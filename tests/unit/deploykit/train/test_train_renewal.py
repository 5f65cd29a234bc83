"""What runs is deployed again by a timer, in good time, and brings nobody's edits about."""

from __future__ import annotations

from datetime import timedelta

import pytest
from deploykit.base.errors import Refused
from deploykit.care import remembered
from deploykit.ledger.view import attempts, last_deployed
from deploykit.site.instance import Instance
from deploykit.train.renewal import Renewal, renew
from trainworld import Build, World

LINE = {"alpha": None}


def renewed(world: World, after: timedelta) -> Renewal:
    with world.work() as work:
        return renew(work, world.ledger, world.site.environment("alpha"), after)


def test_release_that_was_deployed_long_ago_is_deployed_again_and_looked_at(build: Build) -> None:
    world = build(LINE)
    release = world.release()
    world.deploy(release, "alpha")
    first = last_deployed(world.records, "alpha")
    done = renewed(world, timedelta(0))
    assert (done.version, done.deployed, done.late) == (release.version, True, ())
    assert [one.release for one in attempts(world.records, "alpha")] == [release.digest] * 2
    last = last_deployed(world.records, "alpha")
    assert first is not None and last is not None and last >= first
    assert remembered(world.site, Instance("alpha")) is not None


def test_release_that_was_deployed_not_long_ago_is_only_looked_at(build: Build) -> None:
    world = build(LINE)
    world.deploy(world.release(), "alpha")
    assert not renewed(world, timedelta(days=25)).deployed
    assert len(attempts(world.records, "alpha")) == 1
    assert remembered(world.site, Instance("alpha")) is not None


def test_edited_files_are_not_brought_about_by_a_timer(build: Build) -> None:
    world = build(LINE)
    world.deploy(world.release(), "alpha")
    file = world.site.folder / "environments" / "alpha.yml"
    file.write_text(file.read_text().replace("at: 11", "at: 12"))
    with pytest.raises(Refused, match="files were changed"):
        renewed(world, timedelta(0))
    assert len(attempts(world.records, "alpha")) == 1


def test_environment_where_nothing_runs_has_nothing_to_renew(build: Build) -> None:
    with pytest.raises(Refused, match="nothing runs there"):
        renewed(build(LINE), timedelta(0))
