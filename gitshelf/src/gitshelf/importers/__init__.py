"""Manifests of other tools as manifests of gitshelf.

An importer is a function `read(source: Source) -> Translation`, one module per format. Others can
be installed: an entry point of the group `gitshelf.importers` whose name is the format's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from gitshelf.base.errors import GitshelfError, Refused
from gitshelf.importers import including
from gitshelf.importers.model import Source, Translation, shown
from gitshelf.importers.writing import entries, render
from gitshelf.manifest.document import unknown_key

if TYPE_CHECKING:
    from gitshelf.importers.keys import Vocabulary
    from gitshelf.resolution import Options

GROUP = "gitshelf.importers"
_BUILT_IN = ("ansible", "repo", "vcstool", "west")


def formats() -> list[str]:
    """The formats that can be read, installed ones included."""
    return sorted({*_BUILT_IN, *(point.name for point in entry_points(group=GROUP))})


def vocabularies() -> dict[str, Vocabulary]:
    """What becomes of each key of the formats that gitshelf brings, by format."""
    return {kind: import_module(f"{__name__}.{kind}").KEYS for kind in _BUILT_IN}


def translate(
    kind: str,
    file: Path,
    *,
    base: str = "",
    partial: bool = False,
    options: Options | None = None,
) -> str:
    """The text of a gitshelf manifest that says what `file`, of the format `kind`, says.

    `base` is the URL that relative ones begin at; `options` say how a repository is asked where
    that is necessary (without them none is). What gitshelf cannot say raises Refused with each
    line of it; with `partial` it becomes a comment. What has no part in what a kit holds becomes a
    comment always. Raises GitshelfError, with file and line, if the file is not of its format.
    """
    source = replace(including.first(Path(file), base), options=options)
    try:
        translation = _reader(kind)(source)
    except GitshelfError as error:
        error.message, error.remedy = shown(error.message), shown(error.remedy)
        raise
    books = entries(translation)
    translation.sort()
    if translation.losses and not partial:
        lines = "".join(f"\n  {shown(loss)}" for loss in translation.losses)
        raise Refused(
            f"{shown(str(file))}: not everything in it can be said in a gitshelf manifest:{lines}",
            "with --partial the rest is imported, and these become comments",
        )
    return render(kind, str(file), translation, books)


def _reader(kind: str) -> Callable[[Source], Translation]:
    if kind in _BUILT_IN:
        read: Callable[[Source], Translation] = import_module(f"{__name__}.{kind}").read
        return read
    for point in entry_points(group=GROUP, name=kind):
        plugin: Callable[[Source], Translation] = point.load()
        return plugin
    raise GitshelfError(f"there is no format {kind}", unknown_key(kind, formats()))
