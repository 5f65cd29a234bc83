"""Bugs: which release has what mends them, and where it runs. Pure.

They are named by lines of commit messages: Closes-Bug, Partial-Bug, Related-Bug.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitshelf import Change

NUMBER = re.compile(r"(?:.*[/#]|(?:lp|bug)[ :#]*)?(\d+)", re.IGNORECASE)


class Relation(StrEnum):
    """What a commit says of a bug, the strongest first."""

    CLOSES = "closes"
    PARTIAL = "partial"
    RELATED = "related"


@dataclass(frozen=True, slots=True)
class Mention:
    """A commit of a book that names a bug."""

    bug: str
    relation: Relation
    book: str
    commit: str
    subject: str


@dataclass(frozen=True, slots=True)
class Step:
    """From one release to the next: the mentions that came and those that were taken back.

    `unknown` are books whose commits cannot be listed: what they mend is not known.
    """

    version: str
    came: tuple[Mention, ...] = ()
    went: tuple[Mention, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a bug: the mentions of it, each with the release that first has it, and the
    environments that run it, by mention."""

    mention: Mention
    since: str
    versions: tuple[str, ...]
    environments: tuple[str, ...]


def bug_id(text: str) -> str:
    """A bug's number as people write it (1572495, #1572495, LP: #1572495, a URL); other ids as they
    are. The end of the line behind the number does not count."""
    match = NUMBER.match(text.strip())
    return match[1] if match else text.strip()


def mentions(book: str, commit: Change) -> list[Mention]:
    """The bugs that a commit of `book` names, each once with the strongest word."""
    named: dict[str, Relation] = {}
    for relation in Relation:
        for text in getattr(commit, relation):
            named.setdefault(bug_id(text), relation)
    return [
        Mention(bug, relation, book, commit.commit, commit.subject)
        for bug, relation in named.items()
    ]


def find(bug: str, steps: Sequence[Step], running: Mapping[str, str]) -> list[Found]:
    """What the releases have of `bug`, the strongest relation first.

    `steps` are all releases, oldest first; `running` the version that each environment runs.
    """
    wanted = bug_id(bug)
    return [entry for entry in everything(steps, running) if entry.mention.bug == wanted]


def everything(steps: Sequence[Step], running: Mapping[str, str]) -> list[Found]:
    """The same for all bugs. A commit that was taken back counts for the releases before that."""
    versions: dict[Mention, list[str]] = {}
    there: dict[Mention, None] = {}
    for step in steps:
        there |= dict.fromkeys(step.came)
        for withdrawn in step.went:
            there.pop(withdrawn, None)
        for mention in there:
            versions.setdefault(mention, []).append(step.version)
    order = list(Relation)
    entries = [
        Found(mention, have[0], tuple(have), _where(have, running))
        for mention, have in versions.items()
    ]
    return sorted(
        entries, key=lambda entry: (entry.mention.bug, order.index(entry.mention.relation))
    )


def _where(versions: Iterable[str], running: Mapping[str, str]) -> tuple[str, ...]:
    have = frozenset(versions)
    return tuple(name for name, version in running.items() if version in have)
