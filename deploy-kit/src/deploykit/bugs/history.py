"""What the commits between a site's releases say of bugs, asked of their repositories once."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

from deploykit.base import files
from deploykit.bugs import Mention, Relation, Step, mentions
from deploykit.release import manifests
from deploykit.release.cutting import here_tokens
from deploykit.site import Site
from gitshelf import BookChanges, changes

FORMAT = "1"  # of what is kept


def steps(site: Site) -> list[Step]:
    """Every release of the site, oldest first. Nothing is known of what the first one brought.

    What lies between two releases is kept in the site's state, by the digests of their pins.
    Raises GitshelfError if a repository cannot be asked.
    """
    releases: list[Step] = []
    before: Path | None = None
    for version, manifest in manifests(site).items():
        releases.append(Step(version) if before is None else _step(site, version, before, manifest))
        before = manifest
    return releases


def _step(site: Site, version: str, old: Path, new: Path) -> Step:
    pins = b"\0".join(file.read_bytes() for file in (old, new))
    digest = hashlib.sha256(FORMAT.encode() + pins).hexdigest()
    file = site.state / "bugs" / f"{digest[:32]}.json"
    if file.is_file():
        return dataclasses.replace(_parse(file.read_text("utf-8")), version=version)
    step = step_of(version, changes(old, new, tokens=here_tokens(site)))
    if not step.unknown:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.write(file, json.dumps(dataclasses.asdict(step)), mode=0o600)
    return step


def step_of(version: str, books: list[BookChanges]) -> Step:
    """What the changes to the release `version` say of bugs. Pure."""
    return Step(
        version,
        tuple(m for book in books for commit in book.commits for m in mentions(book.book, commit)),
        tuple(
            m for book in books for commit in book.taken_back for m in mentions(book.book, commit)
        ),
        tuple(book.book for book in books if not book.listed),
    )


def _parse(text: str) -> Step:
    value = json.loads(text)
    came, went = (
        tuple(
            Mention(**{**mention, "relation": Relation(mention["relation"])})
            for mention in value[name]
        )
        for name in ("came", "went")
    )
    return Step(value["version"], came, went)
