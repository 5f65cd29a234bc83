"""Results of tests that no train runs, as evidence in a real ledger."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import resultsfile
from deploykit.base.errors import InputError, Refused
from deploykit.evidence.external import add
from deploykit.evidence.junit import read_results
from deploykit.ledger import Ledger, Record
from deploykit.ledger.view import evidence
from deploykit.train.lease import begin
from ledgerbook import Named, know, release

ONE, TWO = release(1), release(2)
PACKAGES = {"identity": {"keystone": "22.0.0"}}


def deploy(ledger: Ledger, what: Named = ONE, environment: str = "test") -> None:
    know(ledger, what)
    begin(ledger, what, environment, "deploy").finish("1 s")


def record(
    ledger: Ledger,
    file: Path,
    check: str = "tempest",
    look: Callable[[], dict[str, dict[str, str]]] = lambda: PACKAGES,
) -> Record:
    return add(ledger, check, "test", read_results(file), look)


def refusal(ledger: Ledger, file: Path) -> Refused:
    """The refusal of a file's results, of which nothing goes on record."""
    before = len(ledger.fetch_records())
    with pytest.raises(Refused) as error:
        record(ledger, file)
    assert len(ledger.fetch_records()) == before
    return error.value


def test_results_are_evidence_of_the_release_that_runs_there(
    ledger: Ledger, tmp_path: Path
) -> None:
    deploy(ledger, ONE)
    deploy(ledger, TWO)
    file = resultsfile.write(tmp_path / "r.xml", ["passed", "skipped", "passed"], seconds=7.25)
    record(ledger, file)
    (found,) = evidence(ledger.fetch_records(), check="tempest")
    assert (found.release, found.version, found.over) == (TWO.digest, TWO.version, None)
    assert (found.environment, found.edge, found.copy) == ("test", "test", False)
    assert (found.result, found.attempt, found.seconds) == ("passed", 1, 7.2)
    assert found.summary.startswith("3 tests: 2 passed, 1 skipped; sha256 ")
    assert found.packages == PACKAGES


@pytest.mark.parametrize(
    ("outcomes", "summary"),
    [
        (["passed", "failed"], "2 tests: 1 passed, 1 failed; suite.test_1; "),
        (["error", "passed"], "2 tests: 1 passed, 1 broken off; suite.test_0; "),
        (["failed"] * 7, "suite.test_4, 2 more; "),
        (["skipped"], "1 test: 1 skipped; no test ran; "),
    ],
)
def test_results_with_a_failure_or_without_a_test_that_ran_have_failed(
    ledger: Ledger, tmp_path: Path, outcomes: list[str], summary: str
) -> None:
    deploy(ledger)
    found = record(ledger, resultsfile.write(tmp_path / "r.xml", outcomes)).body
    assert found["result"] == "failed" and summary in found["summary"]


def test_same_results_count_once_and_another_run_is_another_attempt(
    ledger: Ledger, tmp_path: Path
) -> None:
    deploy(ledger)
    file = resultsfile.write(tmp_path / "r.xml", ["failed"])
    first = record(ledger, file)
    assert f"as record {first.n}" in refusal(ledger, file).message
    copied = tmp_path / "copy.xml"
    copied.write_bytes(file.read_bytes())
    refusal(ledger, copied)
    again = record(ledger, resultsfile.write(tmp_path / "r.xml", ["passed"]))
    assert (again.body["attempt"], again.body["result"]) == (2, "passed")
    assert record(ledger, file, check="rally").body["attempt"] == 1


def test_environment_that_nothing_was_deployed_in_has_no_evidence(
    ledger: Ledger, tmp_path: Path
) -> None:
    said = refusal(ledger, resultsfile.write(tmp_path / "r.xml"))
    assert "nothing was deployed in test" in said.message
    assert said.remedy == "deploy-kit deploy latest test"


@pytest.mark.parametrize(("end", "said"), [("fail", "failed"), ("", "was not finished")])
def test_environment_that_is_between_two_releases_has_no_evidence(
    ledger: Ledger, tmp_path: Path, end: str, said: str
) -> None:
    deploy(ledger, ONE)
    know(ledger, TWO)
    lease = begin(ledger, TWO, "test", "deploy")
    if end:
        lease.fail("a state failed")
    told = refusal(ledger, resultsfile.write(tmp_path / "r.xml"))
    assert f"the last deployment in test {said}" in told.message


@pytest.mark.parametrize("again", [ONE, TWO])
@pytest.mark.parametrize("stamped", [True, False])
def test_results_from_before_the_last_deployment_are_refused(
    ledger: Ledger, tmp_path: Path, stamped: bool, again: Named
) -> None:
    """Whether the file says when its tests began, or only when it was written."""
    deploy(ledger, ONE)
    deploy(ledger, again)
    now = datetime.now(UTC)
    file = resultsfile.write(tmp_path / "r.xml", began=now - timedelta(seconds=60))
    if not stamped:
        file.write_text(file.read_text().replace(' timestamp="', ' id="'))
        os.utime(file, times=(now.timestamp() - 60,) * 2)
    said = refusal(ledger, file)
    assert "they are not about what runs there now" in said.message
    assert again.version in said.message and str(file) in said.message


def test_tests_that_began_before_the_deployment_and_ended_after_it_are_refused(
    ledger: Ledger, tmp_path: Path
) -> None:
    deploy(ledger)
    file = resultsfile.write(tmp_path / "r.xml", seconds=3600)
    file.write_text(file.read_text().replace(' timestamp="', ' id="'))
    refusal(ledger, file)


def test_file_older_than_the_deployment_is_refused_whatever_it_says_itself(
    ledger: Ledger, tmp_path: Path
) -> None:
    deploy(ledger)
    file = resultsfile.write(tmp_path / "r.xml")
    os.utime(file, (0, 0))
    refusal(ledger, file)


def test_results_of_a_time_yet_to_come_are_refused(ledger: Ledger, tmp_path: Path) -> None:
    deploy(ledger)
    later = datetime.now(UTC) + timedelta(hours=1)
    said = refusal(ledger, resultsfile.write(tmp_path / "r.xml", began=later))
    assert "yet to come" in said.message


def test_deployment_while_the_nodes_are_looked_at_leaves_no_evidence(
    ledger: Ledger, tmp_path: Path
) -> None:
    deploy(ledger, ONE)
    past = datetime.now(UTC) - timedelta(milliseconds=1)
    file = resultsfile.write(tmp_path / "r.xml", began=past)

    def look() -> dict[str, dict[str, str]]:
        know(ledger, TWO)
        begin(ledger, TWO, "test", "deploy")
        return PACKAGES

    with pytest.raises(Refused, match="was not finished"):
        record(ledger, file, look=look)
    assert not evidence(ledger.fetch_records())


def test_nodes_are_not_looked_at_for_results_that_are_refused(
    ledger: Ledger, tmp_path: Path
) -> None:
    asked: list[bool] = []

    def look() -> dict[str, dict[str, str]]:
        asked.append(True)
        return {}

    with pytest.raises(Refused):
        record(ledger, resultsfile.write(tmp_path / "r.xml"), look=look)
    assert not asked


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("smoke", "'smoke' is a check that the train runs itself"),
        ("upgrade", "the train runs itself"),
        ("two words", "'two words' is not the name of a check"),
        ("", "is not the name of a check"),
        ("-k", "is not the name of a check"),
    ],
)
def test_check_of_the_trains_own_or_of_no_name_cannot_be_added(
    ledger: Ledger, tmp_path: Path, check: str, said: str
) -> None:
    deploy(ledger)
    with pytest.raises(InputError, match=said):
        record(ledger, resultsfile.write(tmp_path / "r.xml"), check=check)
