"""Both sides of a change rendered and compared: who is told, from what, and what if that fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from deploykit.affected.checkout import MASTER_PILLAR, RENDERER, Checkout
from deploykit.affected.declared import Content
from deploykit.affected.imports import Packages
from deploykit.affected.suites import Suite, Table
from rendered import digests, fitting
from topologies import TOPOLOGIES

# Renders a component as the macro that its states name, and says how often it was asked.
FAKE = """
import json, pathlib, sys
states = pathlib.Path(sys.argv[1]) / "salt/states"
with open({asked!r}, "a") as sink:
    sink.write("x")
print(json.dumps({{
    name: (states / "lib" / (states / name / "init.sls").read_text()).read_text()
    for name in ("a", "b") if (states / name).is_dir()
}}))
"""


class Side:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked = folder.parent / "asked"
        self.asked.touch()
        self.write(RENDERER, FAKE.format(asked=str(self.asked)))
        self.write(MASTER_PILLAR, "")
        for name in ("a", "b"):
            self.write(f"salt/states/{name}/init.sls", f"{name}.jinja")
            self.write(f"salt/states/lib/{name}.jinja", "one")
        self.git("init", "-q", "-b", "main")
        self.commit()

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def git(self, *words: str) -> str:
        who = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
        argv = ["git", "-C", str(self.folder), *who, *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True).stdout

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-qm", "x")
        return self.git("rev-parse", "HEAD").strip()

    def checkout(self) -> Checkout:
        suites = (
            Suite("a", "a", 1, covers=frozenset("a")),
            Suite("b", "b", 1, covers=frozenset("b")),
        )
        content = Content(frozenset("ab"))
        return Checkout(self.folder, Path(sys.executable), content, Packages({}), Table(suites))

    def suites_since(self, commit: str) -> set[str]:
        found = self.checkout().affected_since(commit)
        assert found is not None
        return set(found.suites)


@pytest.fixture
def side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Side:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Side(tmp_path / "checkout")


def test_macro_asks_for_those_whose_states_it_changes(side: Side) -> None:
    before = side.git("rev-parse", "HEAD").strip()
    side.write("salt/states/lib/b.jinja", "two")
    assert side.suites_since(before) == {"b"}, "as long as it is not committed"
    side.commit()
    assert side.suites_since(before) == {"b"}


def test_macro_that_changes_no_state_asks_for_nothing(side: Side) -> None:
    before = side.git("rev-parse", "HEAD").strip()
    side.write("salt/states/lib/new.jinja", "unused")
    side.commit()
    assert side.suites_since(before) == set()


def test_side_is_rendered_once_on_a_machine(side: Side) -> None:
    before = side.git("rev-parse", "HEAD").strip()
    side.write("salt/states/lib/b.jinja", "two")
    side.commit()
    side.suites_since(before)
    side.suites_since(before)
    assert side.asked.read_text() == "xx"


@pytest.mark.parametrize("text", ["raise SystemExit(1)", "print('nonsense')"])
def test_rendering_that_fails_counts_for_every_component(side: Side, text: str) -> None:
    before = side.git("rev-parse", "HEAD").strip()
    side.write("salt/states/lib/b.jinja", "two")
    side.write(RENDERER, text)
    side.commit()
    assert {"a", "b"} <= side.suites_since(before)


def test_component_alone_is_not_rendered(side: Side) -> None:
    before = side.git("rev-parse", "HEAD").strip()
    side.write("salt/states/a/init.sls", "b.jinja")
    side.commit()
    assert side.suites_since(before) == {"a"}
    assert side.asked.read_text() == ""


# What a digest is of.


def answer(**change: Any) -> dict[str, dict[str, Any]]:
    state = {"__id__": "a_config", "name": "/etc/a", "state": "file", "source": "salt://lib/x"}
    minion = {
        "highstate": [state | change, {"__id__": "b_service", "name": "b", "state": "restart"}],
        "files": {"/etc/a": ["line"]},
        "sls": {"b.clean": [{"__id__": "b_clean"}], "stage.control": ["a_config"]},
        "top": {"kit": ["a", "b"]},
    }
    return {"tiny": {"one": minion, "orchestration": [{"__id__": "step"}]}}  # type: ignore[dict-item]


def changed(folder: Path, before: dict[str, str], **change: Any) -> set[str]:
    now = digests(folder, answer(**change))
    return {name for name in {*before, *now} if before.get(name) != now.get(name)}


def test_digest_is_of_states_and_of_the_files_and_modules_that_they_name(tmp_path: Path) -> None:
    states = tmp_path / "salt/states"
    for folder in ("a", "b", "lib", "_states"):
        (states / folder).mkdir(parents=True)
    (states / "lib/x").write_text("one")
    (states / "_states/restart.py").write_text("one")
    before = digests(tmp_path, answer())
    assert set(before) == {"a", "b", "deployment"}
    assert changed(tmp_path, before) == set()
    assert changed(tmp_path, before, mode="0600") == {"a"}
    (states / "lib/x").write_text("two")
    assert changed(tmp_path, before) == {"a"}
    (states / "lib/x").write_text("one")
    (states / "_states/restart.py").write_text("two")
    assert changed(tmp_path, before) == {"b"}


def test_role_that_one_side_does_not_know_is_left_out_of_its_topologies() -> None:
    found = fitting(TOPOLOGIES["volumes"], ["master", "hypervisor"])
    assert found.nodes == {"salt": ["master"], "compute1": ["hypervisor"]}
