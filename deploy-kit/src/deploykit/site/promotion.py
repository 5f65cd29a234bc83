"""Promotion policy as data: what an environment file asks of a release before it may enter."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from deploykit.base import times
from deploykit.base.naming import check_key, parse_name
from deploykit.base.yamlfile import Value

CHECK = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
CHECK_REMEDY = "use letters, digits, '.', '_' and '-', at most 64"
APPROVALS_NOT = frozenset({"cut", "deploy"})
SHARE = re.compile(r"(\d{1,9})(%?)")


@dataclass(frozen=True, slots=True)
class CheckRule:
    """How often a check may be tried and must have passed."""

    attempts: int = 1
    passes: int = 1


@dataclass(frozen=True, slots=True)
class Share:
    """So many of the nodes that have a role: a `number`, or with `percent` so many of a hundred."""

    number: int
    percent: bool = False

    @classmethod
    def parse(cls, text: str) -> Share:
        """The share that `text` says: 3, or 5%. Raises ValueError where it says none."""
        match = SHARE.fullmatch(text)
        if not match or (match[2] and int(match[1]) > 100):
            raise ValueError(f"'{text}' is no number of nodes")
        return cls(int(match[1]), bool(match[2]))

    def of(self, nodes: int) -> int:
        """How many of `nodes` that is; a part of a node is none."""
        return nodes * self.number // 100 if self.percent else self.number

    def __str__(self) -> str:
        return f"{self.number}%" if self.percent else str(self.number)


@dataclass(frozen=True, slots=True)
class Promotion:
    """What entry into an environment asks for; soak in seconds.

    `approvals_not`: whose approval does not count: of those who `cut` the release, of those who
    `deploy` it anywhere. `allow_missing`: how many of a role's nodes a deployment may leave out.
    """

    source: str | None = None
    checks: dict[str, CheckRule] = field(default_factory=dict)
    soak: int = 0
    approvals: int = 0
    approvals_not: frozenset[str] = frozenset()
    allow_missing: dict[str, Share] = field(default_factory=dict)


def parse_promotion(value: Value) -> Promotion:
    """The policy at `value`. Raises InputError naming file, line and key where it does not fit."""
    keys = value.mapping(frozenset({"from", "checks", "soak", "approvals", "allow_missing"}))
    checks: dict[str, CheckRule] = {}
    for name, entry in (keys["checks"].mapping() if "checks" in keys else {}).items():
        if not CHECK.fullmatch(name):
            raise entry.error(f"'{name}' is not the name of a check", CHECK_REMEDY)
        rule = entry.mapping(frozenset({"attempts", "passes"}))
        attempts = rule["attempts"].whole(1) if "attempts" in rule else 1
        passes = rule["passes"].whole(1) if "passes" in rule else 1
        if passes > attempts:
            raise entry.error(f"asks for {passes} passes in {attempts} attempts")
        checks[name] = CheckRule(attempts, passes)
    approvals, approvals_not = _approvals(keys["approvals"]) if "approvals" in keys else (0, ())
    return Promotion(
        source=parse_name(keys["from"]) if "from" in keys else None,
        checks=checks,
        soak=seconds(keys["soak"]) if "soak" in keys else 0,
        approvals=approvals,
        approvals_not=frozenset(approvals_not),
        allow_missing=_shares(keys["allow_missing"]) if "allow_missing" in keys else {},
    )


def _approvals(value: Value) -> tuple[int, tuple[str, ...]]:
    """`approvals: 2`, or `approvals: {count: 2, not: [cut, deploy]}`."""
    if not value.is_mapping:
        return value.whole(), ()
    keys = value.mapping(frozenset({"count", "not"}))
    words = tuple(item.text() for item in keys["not"].items()) if "not" in keys else ()
    for word in words:
        if word not in APPROVALS_NOT:
            raise keys["not"].error(f"'{word}' is none of {', '.join(sorted(APPROVALS_NOT))}")
    return keys["count"].whole() if "count" in keys else 1, words


def _shares(value: Value) -> dict[str, Share]:
    """`allow_missing: {hypervisor: 5%, network: 1}`."""
    found = {}
    for role, entry in value.mapping().items():
        check_key(entry, role)
        try:
            found[role] = Share.parse(str(entry.scalar()))
        except ValueError as error:
            raise entry.error(
                str(error), "write how many nodes may be left out, 2, or how many of a hundred, 5%"
            ) from None
    return found


def seconds(value: Value) -> int:
    """The seconds of a duration in a file: 90s, 15m, 2h or 1d. Raises InputError for any other."""
    try:
        return times.seconds_of(str(value.scalar()))
    except ValueError as error:
        raise value.error(str(error), "write 90s, 15m, 2h or 1d") from None
