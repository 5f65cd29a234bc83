"""A hotfix: what an environment runs, with a few books moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploykit.base.errors import InputError, Refused
from deploykit.base.yamlfile import nearest
from deploykit.ledger import view
from deploykit.ledger.records import Record
from deploykit.ledger.schema import COMMIT
from deploykit.release import manifests
from deploykit.release.authors import Base
from deploykit.release.proof import pins_digest
from deploykit.site import Site


@dataclass(frozen=True, slots=True)
class Hotfix:
    """The pins of a release that stands on `base`, the one that an environment runs."""

    text: str
    base: Base


def move_books(
    site: Site,
    records: Sequence[Record],
    environment: str,
    moves: Mapping[str, str],
    tokens: Mapping[str, str],
) -> Hotfix:
    """The pins of what `environment` runs, with the books of `moves` at other commits.

    `moves` maps places on the shelf to full SHAs. Raises InputError for a place or a commit that is
    none, Refused if the environment runs nothing or nothing would move, GitshelfError.
    """
    from gitshelf.pins.rewriting import NewPin, rewrite_pins
    from gitshelf.resolution import load

    base = _running(site, records, environment)
    read = load(base.pins, tokens=tokens)
    books = {book.place: book for book in read.books}
    for place, commit in moves.items():
        if place not in books:
            raise InputError(
                f"{base.pins}: has no book '{place}'", nearest(place, frozenset(books))
            )
        if not COMMIT.fullmatch(commit):
            raise InputError(f"--book {place}={commit}: it is no full SHA", "git rev-parse NAME")
    text = rewrite_pins(read, {place: NewPin(sha) for place, sha in moves.items()}, tokens)
    if text == read.data.decode("utf-8-sig"):
        raise Refused(f"{environment} runs just that: no book would move")
    return Hotfix(text, base)


def _running(site: Site, records: Sequence[Record], environment: str) -> Base:
    policy = view.policy_in_force(records)
    if environment not in policy:
        known = nearest(environment, frozenset(policy))
        raise InputError(f"the ledger knows no environment '{environment}'", known)
    runs = view.running(records, environment)
    if runs is None:
        raise Refused(f"{environment} runs nothing yet", "deploy-kit release cut")
    released, pins = view.released(records, runs.digest), manifests(site).get(runs.version)
    if pins is None:
        raise InputError(
            f"the pins of {runs.version}, which {environment} runs, are not here",
            f"fetch the site's repository: they are releases/{runs.version}.yml there",
        )
    if released and released.pins is not None and pins_digest(pins.read_bytes()) != released.pins:
        raise InputError(
            f"{pins}: these are not the pins that {runs.version} was released with",
            "get them back with git",
        )
    return Base(runs.digest, pins)
