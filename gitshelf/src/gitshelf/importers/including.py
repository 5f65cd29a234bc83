"""Files that a file to import includes: read as its tool reads them, within bounds.

Nothing outside the git work tree that holds the first file is read (outside its folder, if it lies
in none), through links neither; no circle, and no more than some hundreds of files.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from gitshelf.base.errors import GitshelfError
from gitshelf.importers.model import Source
from gitshelf.manifest.document import Location

_MAX_DEPTH, _MAX_FILES, _MAX_SIZE = 30, 500, 16 << 20


def first(file: Path, base: str) -> Source:
    """The file that the import begins with. Raises GitshelfError if it cannot be read."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise GitshelfError(f"{file}: {error.strerror}", "name the file to import") from None
    except ValueError as error:
        raise GitshelfError(f"the name of the file: {error}", "name the file to import") from None
    if len(data) > _MAX_SIZE:
        raise GitshelfError(f"{file}: it is larger than {_MAX_SIZE >> 20} MiB", "import its parts")
    return Source(str(file), data, base, chain=(str(file),))


def top_of(source: Source) -> Path:
    """The folder that nothing is read outside of."""
    folder = Path(source.chain[0]).absolute().parent
    for above in (folder, *folder.parents):
        if (above / ".git").exists():
            return above
    return folder


def other(source: Source, file: Path, at: Location, what: str) -> Source:
    """The file that `source` includes, at a line by `what`. Raises GitshelfError, which says
    where."""
    top = top_of(source).resolve()
    try:
        real = file.resolve()
        inside = real.is_relative_to(top)
        there = inside and real.is_file()
    except (OSError, ValueError, RuntimeError) as error:
        raise at.error(f"{what}: it cannot be read ({error})", "correct the line") from None
    if not inside:
        raise at.error(
            f"{what}: {file} is outside {top}, where the import began, and is not read",
            "import from a repository that holds both",
        )
    if not there:
        raise at.error(f"{what}: there is no file {file}", "correct the line, or import it there")
    begun = Path(source.chain[0])
    label = os.path.normpath(begun.parent / os.path.relpath(file, begun.parent))
    return join(source, label, _content(real, label, at), at, str(real))


def join(source: Source, label: str, data: bytes, at: Location, name: str = "") -> Source:
    """A file that `source` includes, with its content. `label` is for messages, `name` says that
    it is the same file. Raises GitshelfError for a circle, and for too many files."""
    real_first = str(Path(source.chain[0]).resolve())
    names = (real_first, *source.chain[1:])
    name = name or label
    if name in names:
        chain = " -> ".join([*names[names.index(name) :], name])
        raise at.error(f"a circle of files: {chain}", "take one of them out")
    if len(source.chain) > _MAX_DEPTH or len(source.opened) >= _MAX_FILES:
        raise at.error(
            f"{label} is not read: files include each other more than {_MAX_DEPTH} deep, or more "
            f"than {_MAX_FILES} in all",
            "import it by itself",
        )
    source.opened.append(name)
    return replace(source, file=label, data=data, chain=(*source.chain, name))


def _content(real: Path, label: str, at: Location) -> bytes:
    try:
        with real.open("rb") as file:
            data = file.read(_MAX_SIZE + 1)
    except OSError as error:
        raise at.error(f"{label}: {error.strerror}", "make it readable") from None
    if len(data) > _MAX_SIZE:
        raise at.error(f"{label} is larger than {_MAX_SIZE >> 20} MiB", "import its parts")
    return data
