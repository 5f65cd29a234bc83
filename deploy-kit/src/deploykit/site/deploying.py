"""How a release goes over an environment's nodes, as data: `deploy` of its file."""

from __future__ import annotations

import re
from dataclasses import dataclass

from deploykit.base.yamlfile import Value

PERCENT = re.compile(r"([1-9]\d?|100)%")


@dataclass(frozen=True, slots=True)
class Batch:
    """How many nodes of a kind change at once after the canary; `percent` of them, or `count`.

    None of both leaves it to the content of the release.
    """

    count: int | None = None
    percent: int | None = None

    def pillar(self) -> dict[str, int]:
        """What the orchestration learns of it.

        Content from before percents existed divides by `batch`, so a percent has a key of its own.
        """
        known = {"batch": self.count, "batch_percent": self.percent}
        return {key: value for key, value in known.items() if value is not None}


AS_THE_CONTENT_SAYS = Batch()


def parse_deploy(value: Value) -> Batch:
    """`deploy: {batch: 10}` or `{batch: 10%}`. Raises InputError naming file, line and key."""
    keys = value.mapping(frozenset({"batch"}))
    return _batch(keys["batch"]) if "batch" in keys else AS_THE_CONTENT_SAYS


def _batch(value: Value) -> Batch:
    text = str(value.scalar())
    if text.isdigit():
        return Batch(count=value.whole(1))
    match = PERCENT.fullmatch(text)
    if not match:
        raise value.error(
            f"'{text}' is no number of nodes",
            "write how many at once, 5, or how many of a hundred, 10%",
        )
    return Batch(percent=int(match[1]))
