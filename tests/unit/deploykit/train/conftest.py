from __future__ import annotations

from pathlib import Path

import pytest
from trainworld import Build, build_world


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Build a world with these environments; gone when the test is over."""
    return lambda line: build_world(tmp_path / "world", monkeypatch, line)
