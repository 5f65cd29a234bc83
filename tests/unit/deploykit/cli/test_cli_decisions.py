"""The commands as people call them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ledgerbook import Call, make_key


def test_release_is_cut_listed_shown_and_proven(call: Call) -> None:
    code, out, _ = call("release", "cut", "--no-commit")
    assert code == 0 and out.startswith("cut 20")
    version = out.split()[1]
    assert call("release", "cut", "--no-commit")[1].startswith(f"already cut as {version}")
    assert version in call("release", "list")[1]
    shown = json.loads(call("release", "show", "latest", "--json")[1])
    assert [book["book"] for book in shown["books"]] == ["ansible", "salt"]
    code, out, _ = call("release", "verify", version)
    assert code == 0 and "signed by" in out


def test_board_fits_a_hundred_columns_and_says_what_is_next(call: Call) -> None:
    call("release", "cut", "--no-commit")
    call("hold", "test", "--reason", "night")
    code, out, _ = call("status")
    assert code == 0 and "is on hold" in out and "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 100
    board = json.loads(call("status", "--json")[1])
    assert [line["environment"] for line in board] == ["test", "staging", "production"]
    assert board[0]["next"]["reasons"][0]["code"] == "hold"


def test_decisions_are_recorded_and_told(call: Call) -> None:
    call("release", "cut", "--no-commit", "--version", "2026.47.1")
    code, out, _ = call("approve", "latest", "staging")
    assert code == 1 and out.startswith("approve 2026.47.1 (")  # asks; nobody answers
    out = call("approve", "latest", "staging", "--yes")[1]
    assert out == "record 2: approve 2026.47.1 for staging\n"
    assert call("veto", "2026.47.1", "--reason", "bad")[0] == 0
    assert call("pin", "2026.47.1", "production")[0] == call("unpin", "production")[0] == 0
    assert call("hold", "staging", "--reason", "x")[0] == call("unhold", "staging")[0] == 0
    waived = call("waive", "2026.47.1", "production", "upgrade", "--reason", "tried by hand")
    assert waived[1].startswith("record 8: waive upgrade of 2026.47.1 for production")
    out = call("history", "production")[1]
    assert "tried by hand" in out and "veto 2026.47.1" in out and "hold staging" not in out
    assert len(json.loads(call("history", "--json")[1])) == 9
    assert json.loads(call("ledger", "show", "8")[1])["reason"] == "tried by hand"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["approve", "latest", "stagin"], 2, "did you mean 'staging'?"),
        (["approve", "2020.1.1", "staging"], 2, "names no release"),
        (["waive", "latest", "production", "upgrade"], 2, "--reason"),
        (["waive", "latest", "production", "smok", "--reason", "x"], 2, "did you mean 'smoke'?"),
        (["history", "moon"], 2, "no environment 'moon'"),
        (["ledger", "show", "99"], 2, "there is no record 99"),
        (["ledger", "distrust", "eve@there"], 2, "eve@there is no signer"),
        (["hold", "test", "--reason", "x", "--key", "/nonexistent"], 2, "--key"),
    ],
)
def test_wrong_call_gets_one_answer_with_a_remedy(
    call: Call, words: list[str], code: int, said: str
) -> None:
    call("release", "cut", "--no-commit")
    ended, out, err = call(*words)
    assert ended == code and said in err, (out, err)


def test_edited_policy_changes_nothing_until_it_is_applied(
    call: Call, checkout_with_site: Any
) -> None:
    assert call("policy", "diff")[0] == 0
    file = checkout_with_site.site.folder / "environments" / "production.yml"
    file.write_text(file.read_text().replace("from: staging", "from: staging\n  soak: 2h"))
    before = call("policy", "show")[1]
    code, out, _ = call("policy", "diff")
    assert code == 1 and "+  soak: 7200 s" in out
    assert call("policy", "show")[1] == before
    assert call("policy", "apply", "--yes")[1].endswith("record 1: the policy is in force\n")
    assert call("policy", "diff")[0] == 0 and "soak: 7200 s" in call("policy", "show")[1]


def test_trusted_key_decides_what_its_roles_allow(call: Call, tmp_path: Path) -> None:
    call("release", "cut", "--no-commit", "--version", "2026.47.1")
    bob = make_key(tmp_path / "keys", "bob@there")
    public = f"{bob.file}.pub"
    key = ["--key", str(bob.file)]
    code, _, err = call("approve", "2026.47.1", "staging", *key)
    assert code == 1 and "deploy-kit ledger trust bob@there" in err
    assert call("ledger", "trust", "bob@there", public, "--roles", "approver")[0] == 0
    assert call("approve", "2026.47.1", "staging", *key)[0] == 0
    code, _, err = call("waive", "2026.47.1", "staging", "smoke", "--reason", "x", *key)
    assert code == 1 and "no role that may write 'waive'" in err
    assert "bob@there" in call("ledger", "signers")[1]
    assert call("ledger", "trust", "bob@there", public, "--roles", "boss")[0] == 2
    assert call("ledger", "distrust", "bob@there")[0] == 0
    assert call("approve", "2026.47.1", "staging", *key)[0] == 1
    assert call("ledger", "verify")[1].startswith("5 records verified")


def test_last_admin_cannot_be_let_go(call: Call, checkout_with_site: Any) -> None:
    from deploykit.site.keys import principal_of

    code, _, err = call("ledger", "distrust", principal_of("admin"))
    assert code == 1 and "nobody would be left" in err
