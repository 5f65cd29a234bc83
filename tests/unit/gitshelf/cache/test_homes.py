"""Where gitshelf keeps what it writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from gitshelf.cache.homes import cache_home, state_home

HOMES = [
    ("XDG_CACHE_HOME", ".cache", cache_home),
    ("XDG_STATE_HOME", ".local/state", state_home),
]


@pytest.mark.parametrize(("variable", "default", "home"), HOMES)
def test_a_home_that_is_set_is_taken_and_a_relative_one_is_not(
    variable: str,
    default: str,
    home: Callable[[], Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(variable, str(tmp_path / "set"))
    assert home() == tmp_path / "set" / "gitshelf"
    for nothing in ("relative", "", "./x"):
        monkeypatch.setenv(variable, nothing)
        assert home() == tmp_path / default / "gitshelf"
