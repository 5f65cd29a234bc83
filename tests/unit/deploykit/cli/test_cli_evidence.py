"""`deploy-kit evidence add` as people call it, on a site whose nodes are away."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import resultsfile
from deploykit.ledger import Ledger
from deploykit.train.lease import begin
from ledgerbook import Call, know, make_key, release

ONE = release(1)


@pytest.fixture
def ledger(call: Call, checkout_with_site: Any) -> Ledger:
    """The ledger of a site where ONE was deployed in test."""
    opened = Ledger.open(checkout_with_site.site)
    know(opened, ONE)
    begin(opened, ONE, "test", "deploy").finish("1 s")
    return opened


def test_results_are_recorded_and_told(call: Call, ledger: Ledger, tmp_path: Path) -> None:
    file = resultsfile.write(tmp_path / "r.xml", ["passed", "skipped"], seconds=61)
    code, out, err = call("evidence", "add", "tempest", "test", str(file))
    assert code == 0
    assert out.startswith(
        "record 4: tempest of 2026.47.1 in test passed (61 s): 2 tests: 1 passed, 1 skipped; "
    )
    assert "recorded without versions of packages: test is not up" in err
    assert "tempest of 2026.47.1" in call("history", "test")[1]
    assert "✓ tempest" in call("status")[1]


def test_results_with_a_failure_are_recorded_and_the_answer_is_no(
    call: Call, ledger: Ledger, tmp_path: Path
) -> None:
    file = resultsfile.write(tmp_path / "r.xml", ["passed", "failed"])
    code, out, _ = call("evidence", "add", "tempest", "test", str(file), "--json")
    told = json.loads(out)
    assert (code, told["n"], told["result"], told["check"]) == (1, 4, "failed", "tempest")
    assert (told["tests"], told["failures"], told["errors"], told["skipped"]) == (2, 1, 0, 0)
    assert told["version"] == ONE.version and told["packages"] == {}
    assert "✗ tempest" in call("status")[1]


def test_results_of_before_a_deployment_are_refused(
    call: Call, ledger: Ledger, tmp_path: Path
) -> None:
    file = resultsfile.write(tmp_path / "r.xml", began=datetime.now(UTC) - timedelta(hours=1))
    code, _, err = call("evidence", "add", "tempest", "test", str(file))
    assert code == 1 and "not about what runs there now" in err and "run the tests again" in err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["tempest", "moon", "r.xml"], 2, "no environment 'moon'"),
        (["tempest", "test~upgrade-7", "r.xml"], 2, "test~upgrade-7 is a copy"),
        (["tempest", "staging", "r.xml"], 1, "nothing was deployed in staging"),
        (["smoke", "test", "r.xml"], 2, "'smoke' is a check that the train runs itself"),
        (["a/b", "test", "r.xml"], 2, "'a/b' is not the name of a check"),
        (["tempest", "test", "gone.xml"], 2, "gone.xml"),
        (["tempest", "test", "bad.xml"], 2, "bad.xml: not XML"),
    ],
)
def test_wrong_call_records_nothing_and_says_why(
    call: Call, ledger: Ledger, tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    resultsfile.write(tmp_path / "r.xml")
    (tmp_path / "bad.xml").write_text("2 passed")
    ended, _, err = call("evidence", "add", *words[:2], str(tmp_path / words[2]))
    assert (ended, said in err) == (code, True), err
    assert len(ledger.fetch_records()) == 4


def test_evidence_is_signed_by_an_operators_key_alone(
    call: Call, ledger: Ledger, tmp_path: Path
) -> None:
    bob = make_key(tmp_path / "keys", "bob@there")
    words = ["evidence", "add", "tempest", "test", str(resultsfile.write(tmp_path / "r.xml"))]
    key = ["--key", str(bob.file)]
    assert call(*words, *key)[0] == 1
    call("ledger", "trust", "bob@there", f"{bob.file}.pub", "--roles", "approver")
    code, _, err = call(*words, *key)
    assert code == 1 and "no role that may write 'evidence'" in err
    call("ledger", "trust", "bob@there", f"{bob.file}.pub", "--roles", "operator")
    assert call(*words, *key)[0] == 0
    assert ledger.fetch_records()[-1].actor == "bob@there"


def test_check_of_ones_own_in_policy_is_told_until_its_evidence_is_there(
    call: Call, ledger: Ledger, checkout_with_site: Any, tmp_path: Path
) -> None:
    file = checkout_with_site.site.folder / "environments" / "staging.yml"
    text = file.read_text()
    file.write_text(text[: text.index("  checks:")] + "  checks: {tempest: {}}\n")
    assert call("policy", "apply", "--yes")[0] == 0

    def reasons() -> list[dict[str, str]]:
        lines = json.loads(call("status", "--json")[1])
        found: list[dict[str, str]] = lines[1]["next"]["reasons"]
        return found

    (reason,) = reasons()
    assert reason["remedy"] == "deploy-kit evidence add tempest test FILE"
    assert "add the results of a run in test" in " ".join(call("status")[1].split())
    results = resultsfile.write(tmp_path / "r.xml")
    words = reason["remedy"].replace("FILE", str(results)).split()[1:]
    assert call(*words)[0] == 0
    assert reasons() == []
