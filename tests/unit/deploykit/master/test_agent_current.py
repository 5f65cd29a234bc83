"""Which kit is current on a master, and which stay beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.master.remote import kits

OLD, BEFORE, NOW = (mark * 64 for mark in "abc")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(kits, "ROOT", tmp_path)
    return tmp_path


def bring(root: Path, *digests: str) -> set[str]:
    """Unpack each kit and make it current; returns what lies on the master then."""
    for digest in digests:
        (root / digest).mkdir(exist_ok=True)
        kits.make_current(digest)
    return {entry.name for entry in root.iterdir()}


def test_kit_before_stays_and_older_ones_go(root: Path) -> None:
    assert bring(root, OLD, BEFORE, NOW) == {BEFORE, NOW, "current"}
    assert kits.current() == NOW


def test_kit_made_current_once_more_leaves_the_one_before(root: Path) -> None:
    assert bring(root, BEFORE, NOW, NOW) == {BEFORE, NOW, "current"}


def test_kits_that_stayed_go_with_the_next_release(root: Path) -> None:
    assert bring(root, OLD, BEFORE, BEFORE, NOW) == {BEFORE, NOW, "current"}
