"""The house as docs/architecture.md draws it: true by comparison with the imports."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import rooms

ARCHITECTURE = Path(__file__).parents[2] / "docs" / "architecture.md"
TABLE_ROOM = re.compile(r"^\| `(\w+)/` \|", re.MULTILINE)


@pytest.mark.parametrize("package", rooms.PACKAGES)
def test_files_of_a_package_form_no_circle(package: str) -> None:
    assert rooms.circles(package) == []


@pytest.mark.parametrize("package", rooms.PACKAGES)
def test_picture_of_the_architecture_is_that_of_the_imports(package: str) -> None:
    expected = f"```mermaid\n{rooms.picture(package)}\n```"
    assert expected in ARCHITECTURE.read_text(encoding="utf-8"), (
        f"python tests/support/rooms.py prints the picture of {package} as it is"
    )


@pytest.mark.parametrize("package", rooms.PACKAGES)
def test_every_room_is_explained_in_the_architecture(package: str) -> None:
    text = ARCHITECTURE.read_text(encoding="utf-8")
    chapter = text.split(f"\n## {package}: ")[1].split("\n## ")[0]
    assert sorted(TABLE_ROOM.findall(chapter)) == rooms.rooms(package)


def test_arrow_that_follows_from_others_is_left_out() -> None:
    arrows = {("cli", "train"), ("train", "base"), ("cli", "base")}
    assert rooms.reduction(arrows) == [("cli", "train"), ("train", "base")]
