"""What the fields of the ledger's records may hold: checks to put kinds together from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType

from deploykit.base import times
from deploykit.base.naming import NAME
from deploykit.site.freezes import window_of
from deploykit.site.going_back import RollbackClass
from deploykit.site.keys import PRINCIPAL, PUBLIC_KEY, ROLES
from deploykit.site.promotion import APPROVING, INVOLVEMENTS, SHARE, UnknownAuthors
from deploykit.site.windows import problem_of

SCHEMA = 2  # what is written; schema 1 is still read
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
HEX64 = re.compile(r"[0-9a-f]{64}")
COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
VERSION = re.compile(r"([1-9]\d{3})\.([1-9]\d?)\.(\d{1,9})")  # YEAR.WEEK.N
SPECULATIVE = "0-gate-"  # begins what a state of the gate is called; no release can be
LINE_LENGTH, TEXT_LENGTH = 1000, 8000  # characters

Check = Callable[[object], bool]


class Phase(StrEnum):
    """What a record tells of a deploy: it is under way, or how it ended."""

    STARTED = "started"
    RENEWED = "renewed"
    FINISHED = "finished"
    FAILED = "failed"
    TAKEN_OVER = "taken-over"


class Purpose(StrEnum):
    """What a deploy is for."""

    DEPLOY = "deploy"
    PROMOTE = "promote"
    ROLLBACK = "rollback"


class Result(StrEnum):
    """How an attempt of a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not-applicable"


class Subject(StrEnum):
    """What was looked at in an environment that runs."""

    DRIFT = "drift"
    ALERTS = "alerts"
    COMPARISON = "comparison"  # with another environment


class SecretsEvent(StrEnum):
    """What happened to an environment's secrets as a whole."""

    EXPORTED = "exported"
    RESTORED = "restored"
    ROTATED = "rotated"


def any_text(value: object) -> bool:
    """Text as schema 1 had it; what is shown of it goes through `printable`."""
    return isinstance(value, str)


def any_word(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def line(value: object) -> bool:
    """One line that does nothing to a terminal, or ''."""
    return isinstance(value, str) and len(value) <= LINE_LENGTH and value.isprintable()


def text(value: object) -> bool:
    """Lines that do nothing to a terminal, or ''."""
    return (
        isinstance(value, str)
        and len(value) <= TEXT_LENGTH
        and all(part.isprintable() for part in value.split("\n"))
    )


def word(value: object) -> bool:
    return line(value) and bool(value)


def version(value: object) -> bool:
    return isinstance(value, str) and bool(VERSION.fullmatch(value))


def hex64(value: object) -> bool:
    return isinstance(value, str) and bool(HEX64.fullmatch(value))


def commit(value: object) -> bool:
    return isinstance(value, str) and bool(COMMIT.fullmatch(value))


def name(value: object) -> bool:
    return isinstance(value, str) and bool(NAME.fullmatch(value))


def digest(value: object) -> bool:
    return isinstance(value, str) and bool(DIGEST.fullmatch(value))


def principal(value: object) -> bool:
    return isinstance(value, str) and bool(PRINCIPAL.fullmatch(value))


def flag(value: object) -> bool:
    return isinstance(value, bool)


def whole(least: int) -> Check:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= least


def seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def time(value: object) -> bool:
    try:
        times.parse(value)
    except ValueError:
        return False
    return True


def or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def one_of(words: type[StrEnum] | Mapping[str, object]) -> Check:
    known = frozenset(map(str, words))
    return lambda value: isinstance(value, str) and value in known


def mapping(key: Check, item: Check) -> Check:
    return lambda value: (
        isinstance(value, Mapping) and all(key(k) and item(v) for k, v in value.items())
    )


def signers(value: object) -> bool:
    """A list of signers, each key once and at least one an admin's."""
    fields: dict[str, Check] = {
        "principal": principal,
        "key": lambda key: isinstance(key, str) and bool(PUBLIC_KEY.fullmatch(key)),
        "roles": _roles,
    }
    later: dict[str, Check] = {"addresses": addresses}
    return (
        isinstance(value, list)
        and all(_shape(entry, fields, later) for entry in value)
        and len({entry["key"] for entry in value}) == len(value)
        and any("admin" in entry["roles"] for entry in value)
    )


def addresses(value: object) -> bool:
    """A list of mail addresses, as commits name their authors by."""
    return isinstance(value, list) and all(word(entry) for entry in value)


def edge(value: object) -> bool:
    """What an environment ran when somebody decided about the entry of a release."""
    return _shape(value, {"over": or_none(digest)})


def other_environment(value: object) -> bool:
    """Another environment, and what it ran when both were looked at."""
    return _shape(value, {"environment": name, "release": digest})


def rehearsed(value: object) -> bool:
    """The rollback class of an edge, and in how many seconds the older release was back."""
    return _shape(value, {"class": one_of(RollbackClass), "seconds": or_none(seconds)})


def compromised(value: object) -> bool:
    """Whose signatures no longer count, from which record on."""
    fields: dict[str, Check] = {"principal": principal, "since": whole(0)}
    return isinstance(value, list) and all(_shape(entry, fields) for entry in value)


def rule(value: object) -> bool:
    """The promotion policy of one environment; what it does not ask for may be left unsaid."""
    fields: dict[str, Check] = {**_RULE, "approvals": _approvals}
    later = {"allow_missing": mapping(name, _share), "freeze": _windows, "undisturbed": flag}
    return _shape(value, fields, {**later, "copies": _names})


def rule_1(value: object) -> bool:
    """The promotion policy of one environment, as schema 1 has it."""
    return _shape(value, {**_RULE, "approvals": whole(0)})


def process(value: object) -> bool:
    printable = {"user": word, "host": word, "started": word, "space": line}
    return _shape(value, {**_PROCESS, **printable})


def process_1(value: object) -> bool:
    return _shape(value, _PROCESS)


def _share(value: object) -> bool:
    return isinstance(value, str) and bool(SHARE.fullmatch(value))


def _names(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(name(entry) for entry in value)


def _not_counted(value: object) -> bool:
    return isinstance(value, list) and set(map(str, value)) <= INVOLVEMENTS


def _roles(value: object) -> bool:
    return isinstance(value, list) and bool(value) and set(map(str, value)) <= ROLES


def _approvals(value: object) -> bool:
    later: dict[str, Check] = {
        "role": lambda role: role in APPROVING,
        "expire": whole(1),
        "unknown_authors": one_of(UnknownAuthors),
    }
    return _shape(value, {"count": whole(0), "not": _not_counted}, later)


def _windows(value: object) -> bool:
    try:
        return isinstance(value, list) and not any(problem_of(window_of(entry)) for entry in value)
    except (LookupError, TypeError, ValueError, AttributeError):
        return False


def _shape(
    value: object, fields: Mapping[str, Check], optional: Mapping[str, Check] = MappingProxyType({})
) -> bool:
    """Whether `value` is a mapping with these fields that fit, and of `optional` some or none."""
    return (
        isinstance(value, Mapping)
        and set(fields) <= set(value) <= {*fields, *optional}
        and all({**fields, **optional}[name](entry) for name, entry in value.items())
    )


_COUNTS: dict[str, Check] = {"attempts": whole(1), "passes": whole(1)}
_RULE: dict[str, Check] = {
    "from": or_none(name),
    "checks": mapping(word, lambda entry: _shape(entry, _COUNTS)),
    "soak": whole(0),
}
_PROCESS: dict[str, Check] = {"user": any_word, "host": any_word, "pid": whole(1),
                              "started": any_word}  # fmt: skip
