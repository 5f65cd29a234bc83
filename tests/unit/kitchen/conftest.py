"""The kitchen's own code: its runner, and the modules that Ansible runs on nodes."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from loosemodule import module_of

KITCHEN = Path(__file__).resolve().parents[3] / "kitchen"
sys.path.append(str(KITCHEN))


@pytest.fixture(scope="session")
def salt_call() -> ModuleType:
    return module_of(KITCHEN / "modules" / "salt_call.py")


@pytest.fixture(scope="session")
def traces() -> ModuleType:
    return module_of(KITCHEN / "modules" / "traces.py")
