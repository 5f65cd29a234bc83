"""What is late in an environment's care, from what was seen and what the ledger says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.care import Look, remember, remembered, seen_in, warnings
from deploykit.care.database import moment
from deploykit.master.facade import KeptBackup, NodeBackups, SecretEntry
from deploykit.secrets.store import Secret
from deploykit.site import open_site
from deploykit.site.instance import Instance
from deploykit.train.renewal import due, rings_due

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
DAY = timedelta(days=1)
GOOD = Look(at=NOW, backup=NOW - timedelta(hours=5), stale=26 * 3600, ends=NOW + 90 * DAY)


def kept(hour: int) -> KeptBackup:
    time = int(NOW.replace(hour=hour).timestamp())
    return {"name": "x", "time": time, "reaches": time, "bytes": 1, "why": ""}


def test_nothing_is_late_where_backup_and_certificates_are_young() -> None:
    assert warnings("test", GOOD, NOW - 30 * DAY, NOW) == []
    assert warnings("test", None, None, NOW) == []


@pytest.mark.parametrize(
    ("newest", "told"), [(NOW - timedelta(hours=27), "the newest is 1d old"), (None, "none")]
)
def test_backup_older_than_the_setting_is_late(newest: datetime | None, told: str) -> None:
    (text,) = warnings("test", replace(GOOD, backup=newest), NOW, NOW)
    assert told in text and text.endswith("deploy-kit database list test")


def test_environment_without_a_database_lacks_no_backup() -> None:
    assert warnings("test", replace(GOOD, backup=None, stale=0), NOW, NOW) == []


def test_certificate_that_ends_within_a_month_was_overlooked() -> None:
    (text,) = warnings("test", replace(GOOD, ends=NOW + 29 * DAY), NOW, NOW)
    assert "a certificate ends 2026-12-28T08:00:00Z: deploy-kit renew test --now" in text


def test_given_certificate_that_ends_within_a_month_is_its_givers_to_replace() -> None:
    (text,) = warnings("test", replace(GOOD, given=NOW + 29 * DAY), NOW, NOW)
    assert "ends 2026-12-28T08:00:00Z: deploy-kit secrets give test NAME --certificate" in text
    assert warnings("test", replace(GOOD, given=NOW + 31 * DAY), NOW, NOW) == []


def test_environment_that_nobody_deployed_for_long_is_told_without_a_look() -> None:
    (text,) = warnings("test", None, NOW - 46 * DAY, NOW)
    assert text.startswith("last deployed 46d ago")
    assert warnings("test", None, NOW - 44 * DAY, NOW) == []


def test_newest_backup_of_any_node_and_the_first_end_count() -> None:
    nodes: list[NodeBackups] = [
        {"node": "one", "stale": 100, "backups": [kept(3)]},
        {"node": "two", "stale": 100, "backups": [kept(5), kept(4)]},
        {"node": "three", "silent": True, "backups": []},
    ]
    plain: SecretEntry = {
        "name": "a",
        "kind": "password",
        "roles": [],
        "made": None,
        "waiting": False,
        "ends": None,
        "given": False,
        "keep": None,
    }
    late: SecretEntry = {**plain, "ends": "2027-01-02T00:00:00+00:00"}
    given: SecretEntry = {**late, "given": True, "ends": "2026-12-10T00:00:00+00:00"}
    later: SecretEntry = {**late, "ends": "2027-05-01T00:00:00+00:00"}
    seen = seen_in(nodes, [plain, later, late, given], NOW)
    ends, other = datetime(2027, 1, 2, tzinfo=UTC), datetime(2026, 12, 10, tzinfo=UTC)
    assert seen == Look(NOW, NOW.replace(hour=5), 100, ends, other)


def test_what_was_seen_is_remembered_and_a_broken_file_is_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "site.yml").write_text("name: probe\n")
    site, instance = open_site(tmp_path), Instance("test")
    assert remembered(site, instance) is None
    remember(site, instance, GOOD)
    assert remembered(site, instance) == GOOD
    (site.state / "care/test.json").write_text("{")
    assert remembered(site, instance) is None


def test_moment_is_a_time_with_its_zone_or_a_backup() -> None:
    assert moment("2026-11-29T08:00:00Z") == "20261129T080000Z" == moment("20261129T080000Z")
    with pytest.raises(InputError, match="is not a time"):
        moment("08:00")


def ring(age: float | None, keep: int | None = 5, *, waiting: bool = False) -> Secret:
    return Secret("tokens", "fernet-keys", (), age, waiting, None, keep)


def test_rings_turn_that_drop_old_keys_and_have_not_turned_for_long() -> None:
    month = (30 * DAY).total_seconds()
    assert rings_due((ring(month),), 25 * DAY) == ["tokens"] == rings_due((ring(None),), DAY)
    assert rings_due((ring(DAY.total_seconds()),), 25 * DAY) == []
    assert rings_due((ring(month, keep=None), ring(month, waiting=True)), 25 * DAY) == []


def test_release_is_due_again_when_its_last_deployment_is_old_enough() -> None:
    assert due(NOW - 25 * DAY, NOW, 25 * DAY) and due(None, NOW, 25 * DAY)
    assert not due(NOW - 24 * DAY, NOW, 25 * DAY)
