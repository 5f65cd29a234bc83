"""Checks that policy asks for and no train runs: what a train and a promotion say of them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import resultsfile
from deploykit.base.errors import DeployKitError, Refused
from deploykit.base.progress import Silent
from deploykit.evidence.external import add
from deploykit.evidence.junit import read_results
from deploykit.ledger import Ledger
from deploykit.ledger.view import evidence
from deploykit.master.sessions import Masters
from deploykit.release import Release
from deploykit.rollout.work import Work
from deploykit.site import open_site
from deploykit.train.lease import begin
from deploykit.train.lease_keeper import keeping_lease
from deploykit.train.line import gather
from ledgerbook import Named, know

FILE = """name: {name}
networks: {{lan: {{cidr: 10.{n}.0.0/24}}}}
nodes: {{salt: {{roles: [master], at: 10}}}}
"""
ONE = cast(Release, SimpleNamespace(version="2026.1.1", digest="sha256:" + "1" * 64))
COMMAND = "deploy-kit evidence add tempest test FILE"


def deployed(folder: Path, monkeypatch: pytest.MonkeyPatch, checks: str) -> tuple[Work, Ledger]:
    """ONE runs in test, and live asks for `checks` before it may enter."""
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    environments = folder / "site" / "environments"
    environments.mkdir(parents=True)
    (folder / "site" / "site.yml").write_text("name: probe\n")
    (environments / "test.yml").write_text(FILE.format(name="test", n=1))
    promotion = f"promotion:\n  from: test\n  checks: {checks}\n"
    (environments / "live.yml").write_text(FILE.format(name="live", n=2) + promotion)
    site = open_site(folder / "site")
    ledger = Ledger.open(site)
    know(ledger, Named(ONE.digest, ONE.version))
    begin(ledger, ONE, "test", "deploy").finish("1 s")
    return Work(site, Silent(), folder, Masters(folder.joinpath)), ledger


def gathered(work: Work, ledger: Ledger) -> None:
    environments = work.site.environments()
    gather(work, ledger, ONE, environments["live"], environments)


def added(ledger: Ledger, file: Path, outcome: str = "passed") -> None:
    add(ledger, "tempest", "test", read_results(resultsfile.write(file, [outcome])), dict)


def test_train_ends_with_the_command_for_evidence_that_it_cannot_gather(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, ledger = deployed(tmp_path, monkeypatch, "{tempest: {attempts: 2, passes: 2}}")
    for n in range(2):
        with pytest.raises(Refused) as error:
            gathered(work, ledger)
        assert "2026.1.1 into live is refused:" in error.value.message
        assert "no evidence of tempest for live" in error.value.message
        assert (error.value.remedy, error.value.exit_code) == (COMMAND, 1)
        added(ledger, tmp_path / f"{n}.xml")
    gathered(work, ledger)


def test_train_stops_for_good_where_the_added_evidence_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, ledger = deployed(tmp_path, monkeypatch, "{tempest: {}}")
    added(ledger, tmp_path / "r.xml", "failed")
    with pytest.raises(Refused, match="tempest failed: 0 of 1 attempts passed") as error:
        gathered(work, ledger)
    assert "deploy-kit waive 2026.1.1 live tempest" in error.value.remedy


def test_train_gathers_what_it_can_before_it_asks_for_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here it cannot get far: test has no nodes."""
    work, ledger = deployed(tmp_path, monkeypatch, "{tempest: {}, idempotence: {}}")
    with pytest.raises(DeployKitError, match="test is not up"):
        gathered(work, ledger)
    assert not evidence(ledger.fetch_records())


def test_promotion_names_the_command_for_evidence_that_nobody_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, ledger = deployed(tmp_path, monkeypatch, "{tempest: {}}")
    with pytest.raises(Refused) as error, keeping_lease(ledger, ONE, "live", "promote"):
        pass
    assert error.value.remedy == COMMAND
    added(ledger, tmp_path / "r.xml")
    with keeping_lease(ledger, ONE, "live", "promote") as kept:
        kept.finish("done")
