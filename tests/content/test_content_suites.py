"""What the content must come with: a clean, a suite that tries it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

KITCHEN = Path(__file__).resolve().parents[2] / "kitchen"
sys.path.append(str(KITCHEN))
from runner.suites import load  # noqa: E402

CHECKOUT = KITCHEN.parent


def folders(place: str) -> list[str]:
    """The components or roles that have files below `place` of the checkout."""
    found = {
        path.relative_to(CHECKOUT / place).parts[0] for path in (CHECKOUT / place).rglob("*.*ml")
    }
    found |= {
        path.relative_to(CHECKOUT / place).parts[0] for path in (CHECKOUT / place).glob("*/*.sls")
    }
    return sorted(found - {"lib", "stage"})


COMPONENTS = folders("salt/states")
ROLES = folders("ansible/roles")
COVERED = frozenset().union(*(suite.covers for suite in load(KITCHEN).values()))


@pytest.mark.parametrize("component", COMPONENTS)
def test_component_has_its_undo(component: str) -> None:
    assert (CHECKOUT / "salt" / "states" / component / "clean.sls").is_file()


@pytest.mark.parametrize("component", COMPONENTS)
def test_component_has_a_suite(component: str) -> None:
    assert f"salt/states/{component}" in COVERED, f"add kitchen/suites/{component}/suite.yml"


@pytest.mark.parametrize("role", ROLES)
def test_role_has_a_suite(role: str) -> None:
    assert f"ansible/roles/{role}" in COVERED, f"add kitchen/suites/{role}/suite.yml"


def test_suites_name_only_what_is_there() -> None:
    for place in COVERED:
        assert (CHECKOUT / place).is_dir(), place


def test_readme_lists_every_suite() -> None:
    listed = {
        line.split("|")[1].strip()
        for line in (KITCHEN / "README.md").read_text().splitlines()
        if line.startswith("| ")
    }
    assert set(load(KITCHEN)) <= listed
