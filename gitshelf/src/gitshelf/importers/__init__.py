"""Manifests of other tools as manifests of gitshelf.

An importer is a function `read(source: Source) -> Translation`, one module per format. Others can
be installed: an entry point of the group `gitshelf.importers` whose name is the format's.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from gitshelf.base.errors import GitshelfError, Refused
from gitshelf.importers.model import Source, Translation
from gitshelf.importers.writing import render
from gitshelf.manifest.document import unknown_key

GROUP = "gitshelf.importers"
_BUILT_IN = ("ansible", "repo", "vcstool", "west")


def formats() -> list[str]:
    """The formats that can be read, installed ones included."""
    return sorted({*_BUILT_IN, *(point.name for point in entry_points(group=GROUP))})


def translate(kind: str, file: Path, *, base: str = "", partial: bool = False) -> str:
    """The text of a gitshelf manifest that says what `file`, of the format `kind`, says.

    `base` is the URL that relative ones begin at. What gitshelf cannot say raises Refused with
    each line of it; with `partial` it becomes a comment. Raises GitshelfError, with file and line,
    if the file is not of its format.
    """
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise GitshelfError(f"{file}: {error.strerror}", "name the file to import") from None
    translation = _reader(kind)(Source(str(file), data, base))
    if translation.losses and not partial:
        lines = "".join(f"\n  {loss}" for loss in translation.losses)
        raise Refused(
            f"{file}: not everything in it can be said in a gitshelf manifest:{lines}",
            "with --partial the rest is imported, and these become comments",
        )
    return render(kind, str(file), translation)


def _reader(kind: str) -> Callable[[Source], Translation]:
    if kind in _BUILT_IN:
        read: Callable[[Source], Translation] = import_module(f"{__name__}.{kind}").read
        return read
    for point in entry_points(group=GROUP, name=kind):
        plugin: Callable[[Source], Translation] = point.load()
        return plugin
    raise GitshelfError(f"there is no format {kind}", unknown_key(kind, formats()))
