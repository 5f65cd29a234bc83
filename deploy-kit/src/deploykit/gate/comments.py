"""What the gate writes on changes, and what it reads in the logs of its jobs for that."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from deploykit.base.printable import one_line, printable
from deploykit.gate.changes import mark
from deploykit.gate.review import TAG
from deploykit.gate.work import Ran
from deploykit.logs.masking import masked

FINDING = re.compile(
    r"^(?:\./)?(?P<path>[^\s:][^:\n]*?):(?P<line>\d{1,7}):(?:\d+:)? *(?P<text>\S.*)$"
)
MOST = 50  # findings that are shown on lines
TAIL = 200_000  # characters of a log that are looked at, from its end


def review(
    text: str,
    keys: Iterable[tuple[str, str]],
    *,
    labels: dict[str, int] | None = None,
    robot: Sequence[dict[str, Any]] = (),
    notify: str = "OWNER",
) -> dict[str, Any]:
    """The body of a review: `text` as a comment with the marks of `keys` (key and verdict).

    `labels`: votes. `robot`: findings on lines, each with its `path`.
    """
    marks = "\n".join(f"[gate {mark(key)}{f' {word}' if word else ''}]" for key, word in keys)
    body: dict[str, Any] = {
        "message": f"{printable(text).rstrip()}\n\n{marks}",
        "tag": f"{TAG}~gate",
        "notify": notify,
        "omit_duplicate_comments": True,
    }
    if labels:
        body["labels"] = labels
    by_path: dict[str, list[dict[str, Any]]] = {}
    for finding in robot:
        rest = {key: value for key, value in finding.items() if key != "path"}
        by_path.setdefault(finding["path"], []).append(rest)
    if by_path:
        body["robot_comments"] = by_path
    return body


def jobs_text(
    ran: Sequence[Ran], faults: Mapping[str, Sequence[str]] | None = None, run: str = ""
) -> str:
    """What ran, how it ended, how long it took, and where its log is: a line each.

    `faults`: what is known of jobs that failed, lines by their names. `run`: the id under which all
    of it is kept ('' if it is not).
    """
    if not ran:
        return "- no job belongs to these paths"
    lines = []
    for job in ran:
        log = f", log: {job.log}" if job.log else ""
        lines.append(f"- {job.name}: {one_line(job.result)} ({job.seconds:.0f} s){log}")
        lines += [f"  {one_line(fault)}" for fault in (faults or {}).get(job.name, ())]
    if run:
        lines.append(f"Logs: deploy-kit logs show {run}")
    return "\n".join(lines)


def findings(log: str, paths: Collection[str], job: str, build: str) -> list[dict[str, Any]]:
    """Comments on lines, from what `job` printed as `PATH:LINE: TEXT` about one of `paths`.

    Secrets of a known form are masked before anything else is done.
    """
    distinct: dict[tuple[str, int, str], None] = {}
    for line in masked(log[-TAIL:]).splitlines():
        match = FINDING.match(printable(line).strip())
        if match and match["path"] in paths:
            distinct[match["path"], int(match["line"]), one_line(match["text"])] = None
    return [
        {
            "path": path,
            "line": line,
            "message": text,
            "robot_id": f"deploy-kit {job}",
            "robot_run_id": build,
        }
        for path, line, text in list(distinct)[:MOST]
    ]
