"""What the fields of the ledger's records may hold: checks to put kinds together from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum

from deploykit.base import times
from deploykit.base.naming import NAME
from deploykit.site.keys import PRINCIPAL, PUBLIC_KEY, ROLES

SCHEMA = 1
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

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


def text(value: object) -> bool:
    return isinstance(value, str)


def word(value: object) -> bool:
    return isinstance(value, str) and bool(value)


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
    return (
        isinstance(value, list)
        and all(_shape(entry, fields) for entry in value)
        and len({entry["key"] for entry in value}) == len(value)
        and any("admin" in entry["roles"] for entry in value)
    )


def rule(value: object) -> bool:
    """The promotion policy of one environment."""
    counts = {"attempts": whole(1), "passes": whole(1)}
    fields: dict[str, Check] = {
        "from": or_none(name),
        "checks": mapping(word, lambda entry: _shape(entry, counts)),
        "soak": whole(0),
        "approvals": whole(0),
    }
    return _shape(value, fields)


def process(value: object) -> bool:
    return _shape(value, {"user": word, "host": word, "pid": whole(1), "started": word})


def _roles(value: object) -> bool:
    return isinstance(value, list) and bool(value) and set(map(str, value)) <= ROLES


def _shape(value: object, fields: Mapping[str, Check]) -> bool:
    return (
        isinstance(value, Mapping)
        and set(value) == set(fields)
        and all(check(value[name]) for name, check in fields.items())
    )
