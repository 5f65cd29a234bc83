"""Runs as OpenSearch's bulk format: NDJSON, an action line and a document line for each.

A document is one line of one log. Its `_id` is made of run, log and line, so that whoever sends a
run twice has it once; indices are by month (`PREFIX-2026.11`), as retention there goes by index.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from deploykit.base import times
from deploykit.base.errors import InputError
from deploykit.logs.runs import Log, Run

Faults = Mapping[tuple[str, int], Mapping[str, str]]
PREFIX = re.compile(r"[a-z0-9][a-z0-9._-]{0,200}")  # what OpenSearch takes as an index's name


def demand_prefix(text: str) -> str:
    """`text` as the beginning of indices' names. Raises InputError if it cannot be one."""
    if not PREFIX.fullmatch(text):
        raise InputError(f"'{text}' is no name of an index", "small letters, digits, '.', '_', '-'")
    return text


def actions(run: Run, logs: Sequence[Log], faults: Faults, prefix: str) -> Iterator[str]:
    """The lines, each with its line end, that put a run into OpenSearch.

    `faults` has what is known of a line, by log and number from 1: `signature` and `bug`.
    """
    index = f"{prefix}-{run.began:%Y.%m}"
    common = {
        "@timestamp": times.iso(run.ended),
        "run": run.id,
        "command": run.command,
        "result": run.ending.value,
    }
    run_document = {**common, "began": times.iso(run.began), "error": run.error, "kind": "run"}
    yield _line({"index": {"_index": index, "_id": run.id}})
    yield _line(run_document)
    for log in logs:
        for number, text in enumerate(log.text.splitlines(), 1):
            if not text.strip():
                continue
            more = faults.get((log.name, number), {})
            yield _line({"index": {"_index": index, "_id": f"{run.id}/{log.name}/{number}"}})
            yield _line(
                {**common, "kind": "line", "log": log.name, "line": number, "message": text, **more}
            )


def _line(value: Mapping[str, object]) -> str:
    return f"{json.dumps(value, sort_keys=True)}\n"
