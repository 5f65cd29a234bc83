"""tests/unit has the rooms of the source: who moves a package moves its tests."""

from __future__ import annotations

from pathlib import Path

import pytest

SOURCES = {"gitshelf": "gitshelf/src/gitshelf", "deploykit": "deploy-kit/src/deploykit"}


def rooms_without_package(tests: Path, source: Path) -> list[str]:
    """Folders with Python files below `tests` that are no package at the same place of `source`."""
    rooms = {file.parent.relative_to(tests) for file in tests.rglob("*.py")}
    return sorted(str(room) for room in rooms if not (source / room / "__init__.py").is_file())


@pytest.mark.parametrize("package", SOURCES)
def test_every_folder_of_unit_tests_is_a_package_of_the_source(
    package: str, checkout: Path
) -> None:
    tests, source = checkout / "tests" / "unit" / package, checkout / SOURCES[package]
    assert len(list(tests.iterdir())) > 5
    assert rooms_without_package(tests, source) == []


def test_folder_of_tests_whose_package_moved_away_is_found(tmp_path: Path) -> None:
    for file in ("source/__init__.py", "source/kit/__init__.py", "source/data/x.txt"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    for file in ("kit/test_a.py", "data/test_b.py", "old/deep/test_c.py", "test_d.py"):
        (tmp_path / "tests" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tests" / file).touch()
    found = rooms_without_package(tmp_path / "tests", tmp_path / "source")
    assert found == ["data", "old/deep"]
