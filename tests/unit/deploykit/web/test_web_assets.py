"""What pages load lies beside them: somebody else's as it was published, with its licence."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import deploykit.web
import pytest

STATIC = Path(deploykit.web.__file__).parent / "static"
MOST = 80 * 1024  # bytes of all that a page loads


def locked() -> list[tuple[str, str, str]]:
    """Checksum, file, and where it is from, by the lock."""
    lines = (STATIC / "vendored.lock").read_text(encoding="utf-8").splitlines()
    return [(one[0], one[1], one[2]) for line in lines if (one := line.split())]


@pytest.mark.parametrize(("checksum", "file", "origin"), locked())
def test_vendored_file_is_the_published_one(checksum: str, file: str, origin: str) -> None:
    assert hashlib.sha256((STATIC / file).read_bytes()).hexdigest() == checksum
    assert re.fullmatch(r"npm:[a-z.-]+@\d+\.\d+\.\d+:\S+", origin)


def test_every_asset_is_ours_or_locked() -> None:
    ours = {"style.css", "live.js", "icon.svg", "vendored.lock"}
    assert {file.name for file in STATIC.iterdir()} == ours | {file for _, file, _ in locked()}
    assert "Zero-Clause BSD" in (STATIC / "htmx.LICENSE").read_text(encoding="utf-8")


def test_assets_are_small_and_load_nothing_from_elsewhere() -> None:
    assert (
        sum((STATIC / file).stat().st_size for file in ("style.css", "live.js", "htmx.min.js"))
        < MOST
    )
    style = (STATIC / "style.css").read_text(encoding="utf-8")
    assert "url(" not in style and "@import" not in style
