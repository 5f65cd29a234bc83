"""The record of what `install` itself made on a shelf, so that what leaves the manifest can go.

One file per manifest, folder and fakeroot under `$XDG_STATE_HOME/gitshelf/shelves`. If it is lost,
what an earlier install made is not removed any more; nothing else depends on it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitshelf.base import files
from gitshelf.base.errors import GitshelfError
from gitshelf.cache.homes import state_home

CLONE = ""


@dataclass(frozen=True, slots=True)
class Record:
    """`made` has a line per clone (CLONE) and link (its target) that `install` made, by path."""

    file: Path
    made: Mapping[Path, str]

    def gone(self, wanted: Mapping[Path, str]) -> dict[Path, str]:
        """What was made and is not `wanted` any more, inner ones first."""
        leaving = {
            p: what for p, what in self.made.items() if not _is_same_kind(what, wanted.get(p))
        }
        return dict(sorted(leaving.items(), key=lambda entry: len(entry[0].parts), reverse=True))

    def write(self, made: Mapping[Path, str]) -> Record:
        """Remember this instead. Raises GitshelfError if it cannot be written."""
        if dict(made) != dict(self.made):
            document = {os.fspath(path): made[path] for path in sorted(made)}
            try:
                self.file.parent.mkdir(parents=True, exist_ok=True)
                files.write(self.file, (json.dumps(document, indent=1) + "\n").encode("ascii"))
            except OSError as error:
                raise GitshelfError(
                    f"{self.file}: {error.strerror}",
                    "set XDG_STATE_HOME to a folder you may write to",
                ) from None
        return Record(self.file, dict(made))


def _is_same_kind(made: str, wanted: str | None) -> bool:
    """Whether what is there is of the kind that is wanted; a link elsewhere is only replaced."""
    return wanted is not None and (made == CLONE) == (wanted == CLONE)


def read(manifest: Path, folder: Path, fakeroot: Path | None) -> Record:
    """What was remembered of the shelf that `manifest` has in `folder`."""
    parts = (manifest.resolve(), folder.resolve(), fakeroot.resolve() if fakeroot else "")
    name = hashlib.sha256(b"\0".join(os.fsencode(part) for part in parts)).hexdigest()[:32]
    file = state_home() / "shelves" / f"{name}.json"
    try:
        document = json.loads(file.read_bytes())
        made = {Path(path): str(what) for path, what in document.items()}
        for path, what in made.items():
            # No disk has such a path, so `install` did not write this record.
            if b"\0" in os.fsencode(path) + os.fsencode(what):
                return Record(file, {})
        return Record(file, made)
    except (OSError, ValueError, AttributeError, RecursionError):
        return Record(file, {})
