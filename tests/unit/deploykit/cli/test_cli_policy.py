"""`deploy-kit explain`, `simulate`, freezes, waivers for a while, authors: as people call them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from deploykit.ledger import Ledger
from deploykit.release import releases
from ledgerbook import Call, deploy, make_key

ALWAYS = "{from: 2026-01-01, until: 2026-12-31T23:59, reason: nobody touches it this year}"


def propose(checkout: Any, environment: str, lines: str) -> None:
    """Write `lines` under `promotion:` of an environment's file."""
    file = checkout.site.folder / "environments" / f"{environment}.yml"
    file.write_text(file.read_text() + "".join(f"  {line}\n" for line in lines.splitlines()))


@pytest.fixture
def frozen(call: Call, checkout_with_site: Any) -> Call:
    """A site whose production is frozen all year, by a policy in force, with a release."""
    call("release", "cut", "--no-commit", "--version", "2026.47.1")
    propose(checkout_with_site, "production", f"freeze:\n  deny:\n    - {ALWAYS}")
    assert call("policy", "apply", "--yes")[0] == 0
    return call


def test_freeze_in_force_is_shown_explained_and_waived(frozen: Call) -> None:
    shown = frozen("policy", "show")[1]
    assert "frozen: 31535940 s from 2026-01-01T00:00:00 UTC: nobody touches it this year" in shown
    status = frozen("status")[1]
    assert "production is frozen until 2026-12-31T23:59:00Z" in " ".join(status.split())
    code, out, _ = frozen("explain", "latest", "production")
    assert code == 1 and "it may not enter" in out
    assert "nobody touches it this year" in " ".join(out.split())
    waive = ["waive", "2026.47.1", "production", "freeze", "--for", "4h", "--reason", "it burns"]
    out = frozen(*waive)[1]
    assert out.startswith("record 3: waive freeze of 2026.47.1 for production until 20")
    rules = json.loads(frozen("explain", "latest", "production", "--json")[1])
    row = next(row for row in rules["rules"] if row["rule"] == "freeze")
    assert row["met"] and row["text"].startswith("waived until ")
    assert rules["allowed"] is False
    undo = frozen("unwaive", "2026.47.1", "production", "freeze", "--reason", "it was a cable")
    assert undo[1] == "record 4: unwaive freeze of 2026.47.1 for production: it was a cable\n"
    rules = json.loads(frozen("explain", "latest", "production", "--json")[1])
    row = next(row for row in rules["rules"] if row["rule"] == "freeze")
    assert not row["met"] and "was taken back by" in row["text"]


def test_waiver_of_now_ends_in_a_week_and_names_its_edge(frozen: Call) -> None:
    assert frozen("waive", "latest", "production", "freeze", "--reason", "x", "--yes")[0] == 0
    body = json.loads(frozen("ledger", "show", "3")[1])
    assert body["edge"] == {"over": None} and body["until"] > body["time"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["waive", "latest", "production", "freeze", "--reason", "x", "--for", "soon"], "--for"),
        (["explain", "latest", "productio"], "did you mean 'production'?"),
        (["explain", "2020.1.1", "production"], "names no release"),
        (["simulate", "entry", "latest", "production", "--at", "noon"], "--at"),
        (["simulate", "entry", "latest", "production", "--approved-by", "a b"], "signer's name"),
        (["ledger", "trust", "bob@there", "KEY", "--roles", "approver", "--address", "bob"],
         "no mail address"),
    ],
)  # fmt: skip
def test_wrong_call_is_refused_by_name(
    frozen: Call, tmp_path: Path, words: list[str], said: str
) -> None:
    public = f"{make_key(tmp_path, 'bob@there').file}.pub"
    code, _, err = frozen(*[public if word == "KEY" else word for word in words])
    assert code == 2 and said in err


def test_simulation_answers_what_if_and_records_nothing(
    frozen: Call, checkout_with_site: Any
) -> None:
    words = ["simulate", "entry", "latest", "production", "--json"]
    now = json.loads(frozen(*words)[1])
    later = json.loads(frozen(*words, "--at", "2027-01-01T00:00:00Z")[1])

    def met(answer: Any) -> dict[str, bool]:
        return {row["rule"]: row["met"] for row in answer["rules"]}

    assert (met(now)["freeze"], met(later)["freeze"]) == (False, True)
    propose(checkout_with_site, "staging", "approvals: 1")
    asked = ["simulate", "entry", "latest", "staging", "--files", "--json"]
    assert met(json.loads(frozen(*asked)[1]))["approvals"] is False
    supposed = json.loads(frozen(*asked, "--approved-by", "jo@example.org", "--waived", "smoke")[1])
    assert met(supposed)["approvals"] is met(supposed)["smoke"] is True
    assert len(json.loads(frozen("history", "--json")[1])) == 3


def test_files_of_another_folder_are_judged_by_and_those_of_the_site_stay(
    frozen: Call, checkout_with_site: Any, tmp_path: Path
) -> None:
    site = checkout_with_site.site
    ledger = Ledger.open(site)
    deploy(ledger, releases(site)[-1], "test")
    other = tmp_path / "stricter"
    shutil.copytree(site.folder / "environments", other)
    assert frozen("simulate", "history")[:2] == (
        0, "1 entries judged; of 0 the answer would be another\n",
    )  # fmt: skip
    with (other / "test.yml").open("a") as file:
        file.write("promotion:\n  approvals: 1\n")
    code, said, _ = frozen("simulate", "history", "--environments", str(other))
    assert code == 1 and "  - one more approval is needed for test" in said
    assert frozen("simulate", "history")[0] == 0
    words = ["simulate", "entry", "latest", "production", "--json", "--environments", str(other)]
    rows = {row["rule"]: row["met"] for row in json.loads(frozen(*words)[1])["rules"]}
    assert rows["freeze"] is False
    empty = tmp_path / "empty"
    empty.mkdir()
    code, _, said = frozen("simulate", "history", "--environments", str(empty))
    assert code == 2 and "there is no environment file" in said


def test_history_without_entries_has_nothing_to_judge(frozen: Call) -> None:
    assert frozen("simulate", "history") == (
        0, "0 entries judged; of 0 the answer would be another\n", "",
    )  # fmt: skip


def test_address_of_a_signer_is_theirs_alone_and_stays(call: Call, tmp_path: Path) -> None:
    def trust(name: str, *more: str) -> tuple[int, str, str]:
        file = tmp_path / name / name
        public = f"{(file if file.exists() else make_key(file.parent, name).file)}.pub"
        return call("ledger", "trust", name, public, "--roles", "approver", *more)

    assert trust("bob@there", "--address", "bob@b.org", "--address", "b@b.org")[0] == 0
    assert trust("bob@there")[0] == 0  # their addresses stay
    code, _, err = trust("eve@there", "--address", "BOB@b.org")
    assert code == 1 and "the address of bob@there" in err
    signers = json.loads(call("ledger", "signers", "--json")[1])
    bobs = next(one for one in signers if one["principal"] == "bob@there")
    assert bobs["addresses"] == ["b@b.org", "bob@b.org"]
