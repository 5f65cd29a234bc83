"""What Salt's words about a state mean: signatures tell (`logs/shipped/salt.yml`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from deploykit.logs.signatures import Signature, recognise_line, shipped

LATE = "salt-late"
REQUISITE = "salt-requisite"
PRINTED = "printed"


def told(entry: dict[str, Any], key: str = "comment") -> dict[str, Any]:
    """An entry of the agent's answer without what a command printed: if that tells why it failed,
    `key` says so in its place."""
    if PRINTED not in entry:
        return entry
    late = recognise_line(entry[PRINTED], [_signature(LATE)])
    rest = {name: value for name, value in entry.items() if name != PRINTED}
    return {**rest, key: late.told} if late else rest


def causes_first(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Failed states as `told` makes them, in their order; but those that only had a failed
    requisite come last: the reason is in the one that failed first."""
    return sorted(map(told, entries), key=lambda entry: follows(entry["comment"]))


def follows(comment: str) -> bool:
    """Whether a state failed because one that it requires did."""
    requisite = [_signature(REQUISITE)]
    return any(recognise_line(line, requisite) for line in comment.splitlines())


def _signature(name: str) -> Signature:
    return next(signature for signature in shipped("salt.yml") if signature.name == name)
