"""What a master tells of its secrets and of what states own, so that two can be compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from deploykit.master.remote import given, marks, rotation, secrets
from deploykit.master.remote.owned import owned_by
from deploykit.master.remote.protocol import AgentError
from deploykit.nodes.portraying import Masks

KEY = "ab" * 32


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(secrets, "ROOT", tmp_path)
    return tmp_path


def store(root: Path, **values: Any) -> None:
    (root / secrets.STORE).write_text(json.dumps(values))


def test_marks_tell_equal_secrets_from_others_and_no_value(root: Path) -> None:
    store(root, one="s3cret-value", two="s3cret-value", three=["k" * 44, "l" * 44])
    told = marks.marked(KEY)
    values = told["values"]
    assert values["one"] == values["two"] != values["three"]
    assert marks.marked("cd" * 32)["values"]["one"] != values["one"], "by another key, another mark"
    assert not any(part in json.dumps(told) for part in ("s3cret", "kkkk", "llll"))


def test_node_finds_each_word_of_a_secret_that_the_master_marked(root: Path) -> None:
    pem = "-----BEGIN X-----\nMIIB+secret/lines123\n-----END X-----\n"
    store(root, tls={"certificate": pem, "key": pem}, plain="abcdefgh")
    (root / rotation.PREVIOUS).write_text(json.dumps({"plain": "before-rotation"}))
    (root / "ca").mkdir()
    (root / "ca" / "ca.crt").write_text("-----BEGIN X-----\nauthorityauthority\n")
    masks = Masks(bytes.fromhex(KEY), marks.marked(KEY)["words"])
    assert masks.lines(pem, guarded=False)[1] == "«secret tls»"
    assert masks.line("a=abcdefgh b=before-rotation", guarded=False) == (
        "a=«secret plain» b=«secret plain»"
    )
    assert masks.line("authorityauthority", guarded=False) == f"«secret {marks.AUTHORITY}»"


def test_values_have_a_mark_once_somebody_gave_one(root: Path) -> None:
    store(root, people=given.values({}))
    assert marks.marked(KEY)["values"] == {}
    store(root, people=given.values({"corporate": "PASSWORD"}))
    assert "people" in marks.marked(KEY)["values"]


def test_master_without_secrets_has_no_marks(root: Path) -> None:
    assert marks.marked(KEY) == {"values": {}, "words": {}}


def chunk(name: str, sls: str = "nova.config", **more: Any) -> dict[str, Any]:
    return {"state": "file", "fun": "managed", "name": name, "__sls__": sls, **more}


def test_owned_files_come_by_component_with_whether_they_may_be_shown() -> None:
    answer = [
        chunk("/etc/nova/nova.conf", show_changes=False),
        chunk("/etc/default/nova"),
        chunk("/etc/motd", "trust"),
        chunk("/etc/twice", show_changes=False),
        chunk("/etc/twice"),
        chunk("/etc/gone", fun="absent"),
        chunk("not a path"),
        {"state": "pkg", "fun": "installed", "name": "/x", "__sls__": "nova.package"},
    ]
    assert owned_by("controller", answer) == {
        "nova": {"/etc/nova/nova.conf": False, "/etc/default/nova": True, "/etc/twice": False},
        "trust": {"/etc/motd": True},
    }


@pytest.mark.parametrize("answer", ["", ["Rendering SLS 'nova' failed"], "Minion did not return"])
def test_minion_whose_states_do_not_render_is_named(answer: Any) -> None:
    with pytest.raises(AgentError, match="controller: its states do not render"):
        owned_by("controller", answer)
