"""Which clones and links of a shelf may go, because an earlier install made them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gitshelf.base.process import Running
from gitshelf.shelf import beneath, removal
from gitshelf.shelf.installed import CLONE, Record
from gitshelf.shelf.places import Layout


class Clearing:
    """What left the manifest of the shelf in the folders `tops`; keeps the record of what install
    made."""

    def __init__(self, record: Record, layout: Layout, tops: Sequence[Path]) -> None:
        self._record = record
        self._tops = [Path(os.path.normpath(top.absolute())) for top in tops]
        self._wanted = {clone.path: CLONE for clone in layout.clones}
        self._wanted |= {link.path: link.target for link in layout.links}
        self._left = {p: w for p, w in record.made.items() if removal.is_there(p, w)}
        self._passed: set[Path] = set()
        gone = Record(record.file, self._left).gone(self._wanted)
        self.gone = tuple(gone)

    def name(self, path: Path) -> str:
        """What to call it: its place on the shelf."""
        top = self._top(path)
        return str(path.relative_to(top) if top else path)

    def _top(self, path: Path) -> Path | None:
        return next((top for top in self._tops if top in path.parents), None)

    def _beneath(self, path: Path) -> Path:
        made = self._record.made
        return beneath.top_of(path, self._tops, [p for p, what in made.items() if what == CLONE])

    def check(self, path: Path, running: Running) -> None:
        """Raises WouldLoseWork if it must stay, GitshelfError if it cannot be read, BehindLink if
        a link is on the way."""
        beneath.check(self._beneath(path), path)
        staying = [other for other in {*self._wanted, *self._left} if other != path]
        inside = frozenset(
            other.relative_to(path).as_posix() for other in self._passed if path in other.parents
        )
        removal.check(path, self._left[path], staying, inside, running)

    def remove(self, path: Path, *, dry_run: bool) -> None:
        """Take it off the shelf, or act as if."""
        if dry_run:
            self._passed.add(path)
        else:
            removal.remove(path, self._left[path], self._beneath(path))
        del self._left[path]

    def begin(self) -> None:
        """Remember what will be made: what is at a path where nothing was, install has made."""
        new = {p: w for p, w in self._wanted.items() if not p.exists() and not p.is_symlink()}
        remaining = {p: self._wanted.get(p, w) for p, w in self._left.items()}
        self._record = self._record.write({**remaining, **new})

    def end(self) -> None:
        """Remember what was made."""
        made = {p: w for p, w in self._record.made.items() if removal.is_there(p, w)}
        self._record = self._record.write(made)
