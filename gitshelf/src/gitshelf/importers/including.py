"""Files that a file to import includes: read as its tool reads them, within bounds.

Nothing outside the git work tree that holds the first file is read (outside its folder, if it lies
in none), through links neither; no circle, and no more than some hundreds of files.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True)
class Inclusion:
    """What a file includes: a name in a folder, written at a line by `what`."""

    folder: Path
    name: str
    at: Location
    what: str

    def real_path(self, source: Source) -> Path:
        """Where it is, links followed. Raises GitshelfError, with the line, if it is outside of
        what may be read."""
        top = top_of(source).resolve()
        if "://" in self.name:
            raise self._error("it is a URL, not a file here", "get that file")
        try:
            real = (self.folder / self.name).resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise self._error(f"it cannot be read ({error})", "correct the line") from None
        if not real.is_relative_to(top):
            raise self._error(
                f"it is outside {top}, where the import began, and is not read",
                "import from a repository that holds both",
            )
        return real

    def files(self, source: Source, suffixes: tuple[str, ...]) -> list[Inclusion]:
        """Itself, or if it is a folder, the files in it that have one of the suffixes, sorted."""
        real = self.real_path(source)
        try:
            if not real.is_dir():
                return [self]
            names = sorted(path.name for path in real.iterdir() if path.suffix in suffixes)
        except OSError as error:
            raise self._error(f"it cannot be read ({error.strerror})", "correct the line") from None
        return [replace(self, folder=self.folder / self.name, name=name) for name in names]

    def read(self, source: Source) -> Source:
        """The file that `source` includes. Raises GitshelfError, with the line."""
        real = self.real_path(source)
        try:
            is_file = real.is_file()
            first_folder = Path(source.chain[0]).parent
            written = os.path.relpath(self.folder / self.name, first_folder)
            label = os.path.normpath(first_folder / written)
            data = real.open("rb").read(_MAX_SIZE + 1) if is_file else b""
        except OSError as error:
            raise self._error(f"it cannot be read ({error.strerror})", "correct the line") from None
        if not is_file:
            raise self._error("there is no such file", "correct the line, or import where it is")
        if len(data) > _MAX_SIZE:
            raise self._error(f"it is larger than {_MAX_SIZE >> 20} MiB", "import its parts")
        return join(source, label, data, self.at, str(real))

    def _error(self, message: str, remedy: str) -> GitshelfError:
        name = "" if self.name in self.what else f" {self.name}"
        return self.at.error(f"{self.what}{name}: {message}", remedy)


def join(source: Source, label: str, data: bytes, at: Location, name: str = "") -> Source:
    """A file that `source` includes, with its content. `label` is for messages; a file with the
    same `name` (`label` by default) is the same file. Raises GitshelfError for a circle, and for
    too many files."""
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
