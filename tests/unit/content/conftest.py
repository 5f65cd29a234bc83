from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def region_library(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where tools find what the component `trust` brings to every node (/usr/local/lib/region)."""
    folder = checkout / "salt/states/lib/files"
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder
