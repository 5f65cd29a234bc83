"""What the books of one release have and those of another have not, as gitshelf tells it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from deploykit.release.rules import NO_BOOKS

if TYPE_CHECKING:
    from gitshelf import BookChanges


def compare_pins(
    old: Path | None, new: Path, tokens: Mapping[str, str], *, whole: bool = False
) -> tuple[BookChanges, ...]:
    """What changed from the pins `old` (None: no books) to `new`; with `whole` a book that is new
    has all its commits. Raises GitshelfError if a repository cannot be asked."""
    from gitshelf import changes

    with tempfile.TemporaryDirectory(prefix="pins-") as folder:
        nothing = Path(folder) / "nothing.yml"
        nothing.write_text(NO_BOOKS, encoding="utf-8")
        return tuple(changes(old or nothing, new, tokens=tokens, whole=whole))
