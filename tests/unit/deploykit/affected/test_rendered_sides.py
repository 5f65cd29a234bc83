"""What a change of shared content asks for, by who renders otherwise; and if nobody can tell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from deploykit.affected.checkout import RENDERER, Checkout
from deploykit.affected.declared import Content
from deploykit.affected.imports import Packages
from deploykit.affected.suites import Suite, Table

# Says that a component renders otherwise if the macro of its name changed, and that it was asked.
FAKE = """
import json, subprocess, sys
words, revision = sys.argv[1:]
assert words == "--names"
with open({asked!r}, "a") as sink:
    sink.write("x")
macro = "salt/states/lib/{{}}.jinja".format
differs = ["git", "diff", "--quiet", revision, "--"]
print(json.dumps([one for one in "ab" if subprocess.call([*differs, macro(one)], timeout=30)]))
"""


class Side:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked = folder.parent / "asked"
        self.asked.touch()
        self.write(RENDERER, FAKE.format(asked=str(self.asked)))
        for name in ("a", "b"):
            self.write(f"salt/states/{name}/init.sls", "one")
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


def test_both_sides_are_compared_once_for_all_suites(side: Side) -> None:
    before = side.git("rev-parse", "HEAD").strip()
    side.write("salt/states/lib/b.jinja", "two")
    checkout = side.checkout()
    assert checkout.affected_since(before) == checkout.affected_since(before)
    assert side.asked.read_text() == "x"


def test_without_rendering_every_component_counts(side: Side) -> None:
    before = side.git("rev-parse", "HEAD").strip()
    side.write("salt/states/lib/b.jinja", "two")
    unseen = side.checkout().affected_since(before, render=False)
    assert unseen is not None and set(unseen.suites) == {"a", "b"}
    assert side.asked.read_text() == ""


@pytest.mark.parametrize("text", ["raise SystemExit(1)", "print('nonsense')", "print(1)"])
def test_rendering_that_fails_counts_for_every_component(side: Side, text: str) -> None:
    before = side.git("rev-parse", "HEAD").strip()
    side.write("salt/states/lib/b.jinja", "two")
    side.write(RENDERER, text)
    side.commit()
    assert {"a", "b"} <= side.suites_since(before)


def test_component_alone_is_not_rendered(side: Side) -> None:
    before = side.git("rev-parse", "HEAD").strip()
    side.write("salt/states/a/init.sls", "two")
    side.commit()
    assert side.suites_since(before) == {"a"}
    assert side.asked.read_text() == ""
