"""What a manifest says of one book."""

from __future__ import annotations

from dataclasses import dataclass

from gitshelf.kit.lock import Policies
from gitshelf.manifest.document import Location


@dataclass(frozen=True, slots=True)
class Book:
    """A book of the manifest (`at` its location there); `place` is where on the shelf it goes,
    relative, and `written` that place as written, which may be absolute.

    `branch` is a full SHA, tag or branch; `path` the folder of the repository ("" for all); `track`
    the branch that the pin must be on, `tag` the tag that must point at it ("" for any). `origin`
    is the URL as written, `{here}` left standing; `within` is the place of the book that this one
    is a submodule of."""

    place: str
    url: str
    branch: str
    path: str
    track: str
    tag: str
    policies: Policies
    origin: str
    at: Location
    written: str = ""
    skip_url_check: bool = False
    within: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A book that is a link at `place` to `target`, relative to the folder it lies in. `written`
    and `written_target` are as in the manifest (`at` its line); both may be absolute."""

    place: str
    target: str
    at: Location
    written: str = ""
    written_target: str = ""
