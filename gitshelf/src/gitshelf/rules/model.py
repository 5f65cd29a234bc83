"""What rules are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gitshelf.manifest.document import Location
from gitshelf.rules.subject import Subject


@dataclass(frozen=True, slots=True)
class Settings:
    """A rule's settings in the manifest: books it does not hold for (by place), the release before
    (`from`), the allowed-signers file, the file of OpenPGP public keys, and paths on the shelf that
    may break it (globs)."""

    excepted: tuple[str, ...] = ()
    previous: str = ""
    signers: str = ""
    keys: str = ""
    allow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a book breaks."""

    rule: str
    book: str
    message: str
    remedy: str
    at: Location


Check = Callable[[Subject, Settings], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: `summary` says what has to be, `check` finds what is not; `text_only` if it
    looks at the manifest alone, so that nothing has to be fetched for it."""

    name: str
    summary: str
    check: Check
    text_only: bool = False
