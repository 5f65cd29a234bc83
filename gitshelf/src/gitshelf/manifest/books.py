"""What a manifest says of one book."""

from __future__ import annotations

from dataclasses import dataclass

from gitshelf.kit.lock import Policies
from gitshelf.manifest.document import Place


@dataclass(frozen=True, slots=True)
class Book:
    """A book of the manifest: `book` is its place on the shelf, relative; `branch` a full SHA, tag
    or branch; `path` the folder of the repository ("" for all); `track` the branch that the pin
    must be on, `tag` the tag that must point at it ("" for any). `origin` is the URL as written,
    `{here}` left standing; `written` is the place as written, which may be absolute;
    `within` is the place of the book that this one is a submodule of."""

    book: str
    url: str
    branch: str
    path: str
    track: str
    tag: str
    policies: Policies
    origin: str
    place: Place
    written: str = ""
    skip_url_check: bool = False
    within: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A book that is a link to `target`, relative to the folder it lies in. `written` and
    `written_target` are as in the manifest; both may be absolute."""

    book: str
    target: str
    place: Place
    written: str = ""
    written_target: str = ""
