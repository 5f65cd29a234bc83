"""Which rules are checked: those of the manifest, and plugins."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from gitshelf.rules.model import Finding, Rule
from rulebook import book, findings

import gitshelf
from gitshelf import rules

Repo = Any
Cli = Callable[..., Any]
Write = Callable[[str], Path]


def test_rules_of_the_manifest_are_checked_for_mistakes(
    repo: Repo, write_manifest: Write, run_cli: Cli
) -> None:
    books = "books:\n" + book("a", repo, "branch: master")
    for text, message in (
        ("lint: {full-shaa: }\n", ":1: unknown key full-shaa in lint"),
        ("lint:\n  secrets: {allowed: []}\n", ":2: unknown key allowed"),
        ("lint:\n  secrets: {allow: x}\n", ":2: allow must be a list"),
        ("lint: [full-sha]\n", ":1: lint must be a mapping"),
    ):
        said = run_cli("lint", "--gitshelf", write_manifest(text + books))
        assert said.code == 2
        assert message in said.err
    said = run_cli("lint", "--rule", "nope", "--gitshelf", write_manifest(books))
    assert said.code == 2
    assert "there is no rule nope" in said.err
    assert "same-path" in run_cli("lint", "--list").out
    # A manifest with rules builds as ever.
    gitshelf.resolve(write_manifest("lint: {full-sha: }\n" + books))


def test_installed_plugin_is_a_rule(
    repo: Repo, write_manifest: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(subject: Any, settings: Any) -> list[Finding]:
        return [Finding("mine", one.place, "no", "do", one.at) for one in subject.books]

    point = EntryPoint("mine", "x:y", rules.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda self: Rule("mine", "never", check))
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point])
    text = "lint: {mine: }\nbooks:\n" + book("a", repo, "branch: master")
    assert findings(write_manifest(text)) == [("mine", "a")]
