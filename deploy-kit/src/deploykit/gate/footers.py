"""What the last paragraphs of commit messages name: other changes (Depends-On), and bugs."""

from __future__ import annotations

import re
from dataclasses import dataclass

CHANGE_ID = re.compile(r"I[0-9a-f]{40}")
DEPENDS_ON = re.compile(r"^Depends-On:[ \t]*(.*?)[ \t]*$", re.IGNORECASE | re.MULTILINE)
# Behind the server's address: /c/PROJECT/+/17, with or without a patch set; /17; /#/c/17/
PLACE = re.compile(r"(?:/#)?(?:/c)?(?:/[^\s+#]+/\+)?/(?P<number>\d{1,9})(?:/\d{1,6})?/?")
RECHECK = re.compile(r"^[ \t]*recheck(?:[ \t]+bug[ \t]+#?(?P<bug>\d+))?[ \t]*$",
                     re.IGNORECASE | re.MULTILINE)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dependency:
    """What one Depends-On says: a change by `number` or by `change_id`; `problem` if neither."""

    text: str
    number: str = ""
    change_id: str = ""
    problem: str = ""


def dependencies(message: str, server: str) -> tuple[Dependency, ...]:
    """What the commit message depends on, in its order, each once.

    `server` is the canonical address of the review server: changes of other ones are not known.
    """
    named = (_dependency(text, server.rstrip("/")) for text in DEPENDS_ON.findall(message))
    return tuple({(d.number, d.change_id, d.problem): d for d in named}.values())


def recheck_reason(comment: str) -> str | None:
    """Why a comment asks for another run: a bug's number, '' for no reason; None if it does not."""
    match = RECHECK.search(comment)
    return None if match is None else match["bug"] or ""


def _dependency(text: str, server: str) -> Dependency:
    if CHANGE_ID.fullmatch(text):
        return Dependency(text, change_id=text)
    if not re.match(r"https?://", text):
        return Dependency(text, problem="is neither a change's address nor its Change-Id")
    if not text.startswith(f"{server}/"):
        return Dependency(text, problem=f"is not at {server}")
    place = PLACE.fullmatch(text.removeprefix(server))
    if place is None:
        return Dependency(text, problem="is no address of a change")
    return Dependency(text, number=place["number"])
