"""/metrics: what Prometheus is told, read back by its own parser."""

from __future__ import annotations

from datetime import timedelta

from deploykit.base.trouble import Trouble
from deploykit.web.metrics import metrics_text
from deploykit.web.snapshot import Snapshot, assemble
from ledgerbook import Story, release, rule
from prometheus_client.parser import text_string_to_metric_families
from webpages import snapshot_of

ONE, TWO = release(1), release(2)
Samples = dict[tuple[str, ...], float]


def told(snapshot: Snapshot) -> Samples:
    """Every sample by its name and the values of its labels, in the order of their names."""
    text = metrics_text(snapshot, snapshot.made - timedelta(seconds=3)).decode()
    return {
        (
            sample.name.removeprefix("deploykit_"),
            *(value for _, value in sorted(sample.labels.items())),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def story() -> Story:
    said = Story.of(test=rule(), prod=rule("test", smoke=(1, 1)))
    said.deployed("test", ONE).found("smoke", ONE, "test").deployed("prod", ONE)
    said.deployed("test", TWO).found("smoke", TWO, "test", "failed")
    return said.decided("hold", environment="prod")


def test_what_runs_where_since_when_and_how_its_checks_ended() -> None:
    said = story()
    found = told(snapshot_of(said.records, ("test", "prod"), TWO, said.now))
    assert found["release_info", TWO.digest, "test", TWO.version] == 1
    assert found["release_info", ONE.digest, "prod", ONE.version] == 1
    assert 0 < said.now.timestamp() - found["release_since_timestamp_seconds", "test"] < 10
    assert found["check_passed", "smoke", "test"] == 0
    assert found["deploy_in_flight", "test"] == 0
    assert found["last_deploy_failed", "test"] == 0


def test_what_waits_and_for_what() -> None:
    said = story()
    found = told(snapshot_of(said.records, ("test", "prod"), TWO, said.now))
    assert found["next_may_enter", "prod", TWO.version] == 0
    assert found["next_waits", "prod", "hold"] == 1
    assert found["next_waits", "prod", "check-failed"] == 1
    assert found["decisions_in_force", "hold", "prod"] == 1
    assert found["decisions_in_force", "hold", "test"] == 0
    assert ("next_may_enter", "test", TWO.version) not in found, "nothing comes next there"


def test_release_that_may_enter_waits_for_nothing() -> None:
    said = Story.of(test=rule(), prod=rule("test")).deployed("test", ONE)
    found = told(snapshot_of(said.records, ("test", "prod"), None, said.now))
    assert found["next_may_enter", "prod", ONE.version] == 1
    assert not any(key[:2] == ("next_waits", "prod") for key in found)


def test_figures_are_those_of_the_pages(snapshot: Snapshot) -> None:
    found = told(snapshot)
    figures = snapshot.deliveries["production"]
    assert found["change_failure_ratio", "production"] == figures.failure_rate
    assert figures.lead_time is not None and figures.restore is not None
    assert found["lead_time_seconds", "production"] == figures.lead_time.median
    assert found["time_to_restore_seconds", "production"] == figures.restore.median
    assert found["check_flake_ratio", "upgrade", "staging"] > 0


def test_ledger_says_how_old_it_is_and_whether_it_is_read() -> None:
    said = story()
    found = told(snapshot_of(said.records, ("test", "prod"), TWO, said.now))
    assert found["ledger_records",] == len(said.records)
    assert found["ledger_trouble",] == 0
    assert found["ledger_read_timestamp_seconds",] == said.now.timestamp() - 3
    trouble = Trouble("it is gone", "find it")
    assert told(assemble("trial", (), said.records, said.now, trouble))["ledger_trouble",] == 1


def test_text_of_others_is_one_label() -> None:
    said = Story.of(test=rule())
    said.found('sm"oke\\', ONE, "test").deployed("test", ONE)
    found = told(snapshot_of(said.records, ("test",), None, said.now))
    assert found["check_passed", 'sm"oke\\', "test"] == 1
