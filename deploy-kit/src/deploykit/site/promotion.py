"""Promotion policy as data: what an environment file asks of a release before it may enter."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from deploykit.base.naming import check_key, parse_name
from deploykit.base.yamlfile import Value, nearest
from deploykit.site.freezes import parse_freeze
from deploykit.site.windows import Window

CHECK = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
WAIVABLE = frozenset({"soak", "freeze"})  # what beside a check can be waived, by name
CHECK_REMEDY = "use letters, digits, '.', '_' and '-', at most 64"
# Whose approval may be left uncounted: who cut the release, deployed it anywhere, wrote one of its
# commits, or asks for the entry.
INVOLVEMENTS = frozenset({"cut", "deploy", "author", "ask"})
# The roles of which policy may ask one of an approver, beside that of an approver.
APPROVING = frozenset({"operator", "release-manager", "admin"})
KEYS = frozenset({"from", "checks", "soak", "approvals", "allow_missing", "freeze", "copies"})
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
        """The share that `text` says: 3, or 5%. Raises ValueError if it says none."""
        match = SHARE.fullmatch(text)
        if not match or (match[2] and int(match[1]) > 100):
            raise ValueError(f"'{text}' is no number of nodes")
        return cls(int(match[1]), bool(match[2]))

    def of(self, nodes: int) -> int:
        """How many of `nodes` that is; a part of a node is none."""
        return nodes * self.number // 100 if self.percent else self.number

    def __str__(self) -> str:
        return f"{self.number}%" if self.percent else str(self.number)


class UnknownAuthors(StrEnum):
    """What is done about commits by authors whom no signer's address names."""

    SHOW = "show"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Approvals:
    """How many people have to approve, and whose approval counts.

    `excluded`: the involvements (`INVOLVEMENTS`) of people whose approval does not; `role`: one
    that they must hold beside that of an approver; `expire`: after how many seconds an approval is
    over, 0 for never.
    """

    count: int = 0
    excluded: frozenset[str] = frozenset()
    role: str | None = None
    expire: int = 0
    unknown_authors: UnknownAuthors = UnknownAuthors.SHOW


@dataclass(frozen=True, slots=True)
class Promotion:
    """What entry into an environment asks for; soak in seconds.

    `undisturbed`: whether a disturbance begins the soak anew, as all policy of now asks; records of
    before do not. `allow_missing`: how many of a role's nodes a deployment may leave out. `freeze`:
    the windows in which nothing enters, or only then. `copies`: the providers whose copies count as
    well as those by an environment's own.
    """

    source: str | None = None
    checks: dict[str, CheckRule] = field(default_factory=dict)
    soak: int = 0
    undisturbed: bool = True
    approvals: Approvals = Approvals()
    allow_missing: dict[str, Share] = field(default_factory=dict)
    freeze: tuple[Window, ...] = ()
    copies: frozenset[str] = frozenset()


def parse_promotion(value: Value) -> Promotion:
    """The policy at `value`. Raises InputError naming file, line and key if it does not fit."""
    keys = value.mapping(KEYS)
    checks: dict[str, CheckRule] = {}
    for name, entry in (keys["checks"].mapping() if "checks" in keys else {}).items():
        if not CHECK.fullmatch(name):
            raise entry.error(f"'{name}' is not the name of a check", CHECK_REMEDY)
        if name in WAIVABLE:
            raise entry.error(f"'{name}' cannot be the name of a check: a waiver means more by it")
        rule = entry.mapping(frozenset({"attempts", "passes"}))
        attempts = rule["attempts"].whole(1) if "attempts" in rule else 1
        passes = rule["passes"].whole(1) if "passes" in rule else 1
        if passes > attempts:
            raise entry.error(f"asks for {passes} passes in {attempts} attempts")
        checks[name] = CheckRule(attempts, passes)
    return Promotion(
        source=parse_name(keys["from"]) if "from" in keys else None,
        checks=checks,
        soak=keys["soak"].seconds() if "soak" in keys else 0,
        approvals=_approvals(keys["approvals"]) if "approvals" in keys else Approvals(),
        allow_missing=_shares(keys["allow_missing"]) if "allow_missing" in keys else {},
        freeze=parse_freeze(keys["freeze"]) if "freeze" in keys else (),
        copies=frozenset(map(parse_name, keys["copies"].items() if "copies" in keys else ())),
    )


def _approvals(value: Value) -> Approvals:
    """`approvals: 2`, or a mapping that also says whose count and how long."""
    if not value.is_mapping:
        return Approvals(value.whole())
    keys = value.mapping(frozenset({"count", "not", "role", "expire", "unknown_authors"}))
    words = [_word(item, INVOLVEMENTS) for item in keys["not"].items()] if "not" in keys else []
    authors = UnknownAuthors.SHOW
    if "unknown_authors" in keys:
        authors = UnknownAuthors(_word(keys["unknown_authors"], frozenset(UnknownAuthors)))
    return Approvals(
        count=keys["count"].whole() if "count" in keys else 1,
        excluded=frozenset(words),
        role=_word(keys["role"], APPROVING) if "role" in keys else None,
        expire=keys["expire"].seconds() if "expire" in keys else 0,
        unknown_authors=authors,
    )


def _word(value: Value, known: frozenset[str]) -> str:
    text = value.text()
    if text not in known:
        raise value.error(f"'{text}' is none of {', '.join(sorted(known))}", nearest(text, known))
    return text


def _shares(value: Value) -> dict[str, Share]:
    """`allow_missing: {hypervisor: 5%, network: 1}`."""
    shares = {}
    for role, entry in value.mapping().items():
        check_key(entry, role)
        try:
            shares[role] = Share.parse(str(entry.scalar()))
        except ValueError as error:
            raise entry.error(
                str(error), "write how many nodes may be left out, 2, or how many of a hundred, 5%"
            ) from None
    return shares
