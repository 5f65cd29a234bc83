"""The kitchen's own code: its runner, and the modules that Ansible runs on nodes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

KITCHEN = Path(__file__).resolve().parents[3] / "kitchen"
sys.path.append(str(KITCHEN))


def module(name: str) -> ModuleType:
    """An Ansible module of the kitchen, by its file: their folder is on no path."""
    spec = importlib.util.spec_from_file_location(name, KITCHEN / "modules" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture(scope="session")
def salt_call() -> ModuleType:
    return module("salt_call")


@pytest.fixture(scope="session")
def traces() -> ModuleType:
    return module("traces")
