"""The schema of the ledger's records: which fields each kind has, and what fits them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from deploykit.base.naming import NAME
from deploykit.site.keys import PRINCIPAL, PUBLIC_KEY, ROLES

SCHEMA = 1
TIME = "%Y-%m-%dT%H:%M:%SZ"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
PHASES = ("started", "renewed", "finished", "failed", "taken-over")
PURPOSES = ("deploy", "promote", "rollback")
RESULTS = ("passed", "failed", "not-applicable")
# Which of environment, release and check a decision must name.
DECISIONS: dict[str, frozenset[str]] = {
    "approve": frozenset({"environment", "release"}),
    "veto": frozenset({"release"}),
    "hold": frozenset({"environment"}),
    "unhold": frozenset({"environment"}),
    "pin": frozenset({"environment", "release"}),
    "unpin": frozenset({"environment"}),
    "waive": frozenset({"environment", "release", "check", "reason"}),
}

Check = Callable[[object], bool]


def fault(kind: str, fields: Mapping[str, Any]) -> str:
    """What is wrong with a record's fields, in words; '' where they fit its kind."""
    if kind not in FIELDS:
        return f"unknown kind {kind!r}"
    known = FIELDS[kind]
    for name, check in known.items():
        if name not in fields:
            return f"{kind}: the field '{name}' is missing"
        if not check(fields[name]):
            return f"{kind}: the field '{name}' is {fields[name]!r}"
    extra = sorted(set(fields) - set(known))
    if extra:
        return f"{kind}: unknown field '{extra[0]}'"
    if kind == "decision":
        for name in sorted(DECISIONS[fields["decision"]]):
            if not fields[name]:
                return f"decision: {fields['decision']} needs '{name}'"
    return ""


def _text(value: object) -> bool:
    return isinstance(value, str)


def _word(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _name(value: object) -> bool:
    return isinstance(value, str) and bool(NAME.fullmatch(value))


def _digest(value: object) -> bool:
    return isinstance(value, str) and bool(DIGEST.fullmatch(value))


def is_principal(value: object) -> bool:
    return isinstance(value, str) and bool(PRINCIPAL.fullmatch(value))


def _whole(least: int) -> Check:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= least


def _seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _one_of(words: tuple[str, ...]) -> Check:
    return lambda value: isinstance(value, str) and value in words


def moment(value: object) -> datetime | None:
    """The moment that a record's time tells, or None where it is not exactly in that form."""
    try:
        found = datetime.strptime(str(value), TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
    return found if found.strftime(TIME) == value else None


def _shape(value: object, fields: Mapping[str, Check]) -> bool:
    return (
        isinstance(value, Mapping)
        and set(value) == set(fields)
        and all(check(value[name]) for name, check in fields.items())
    )


def _mapping(key: Check, item: Check) -> Check:
    return lambda value: (
        isinstance(value, Mapping) and all(key(k) and item(v) for k, v in value.items())
    )


def _roles(value: object) -> bool:
    return isinstance(value, list) and bool(value) and set(map(str, value)) <= ROLES


def _signers(value: object) -> bool:
    fields: dict[str, Check] = {
        "principal": is_principal,
        "key": lambda key: isinstance(key, str) and bool(PUBLIC_KEY.fullmatch(key)),
        "roles": _roles,
    }
    return (
        isinstance(value, list)
        and all(_shape(entry, fields) for entry in value)
        and len({entry["key"] for entry in value}) == len(value)
        and any("admin" in entry["roles"] for entry in value)
    )


def _rule(value: object) -> bool:
    counts = {"attempts": _whole(1), "passes": _whole(1)}
    fields: dict[str, Check] = {
        "from": _or_none(_name),
        "checks": _mapping(_word, lambda entry: _shape(entry, counts)),
        "soak": _whole(0),
        "approvals": _whole(0),
    }
    return _shape(value, fields)


def _owner(value: object) -> bool:
    return _shape(value, {"user": _word, "host": _word, "pid": _whole(1), "started": _word})


FIELDS: dict[str, dict[str, Check]] = {
    "genesis": {"site": _word, "signers": _signers, "policy": _mapping(_name, _rule)},
    "signers": {"signers": _signers},
    "policy": {"policy": _mapping(_name, _rule)},
    "deploy": {
        "id": _word,
        "phase": _one_of(PHASES),
        "environment": _name,
        "release": _digest,
        "version": _word,
        "over": _or_none(_digest),
        "purpose": _one_of(PURPOSES),
        "owner": _owner,
        "lease_until": lambda value: moment(value) is not None,
        "summary": _text,
    },
    "evidence": {
        "check": _word,
        "release": _digest,
        "version": _word,
        "over": _or_none(_digest),
        "environment": _name,
        "edge": _name,
        "copy": lambda value: isinstance(value, bool),
        "attempt": _whole(1),
        "result": _one_of(RESULTS),
        "seconds": _seconds,
        "summary": _text,
        "packages": _mapping(_word, _mapping(_word, _text)),
    },
    "decision": {
        "decision": _one_of(tuple(DECISIONS)),
        "environment": _or_none(_name),
        "release": _or_none(_digest),
        "check": _or_none(_word),
        "reason": _text,
    },
}
