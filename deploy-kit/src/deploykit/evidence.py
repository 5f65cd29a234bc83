"""Evidence: what a check found, counted and written into the ledger."""

from __future__ import annotations

import datetime

from deploykit.checks import Packages
from deploykit.context import Context
from deploykit.environment import Environment
from deploykit.records import Body, Record, evidence_body
from deploykit.release import Release

SUMMARY_LENGTH = 2000


def record_evidence(
    context: Context,
    release: Release,
    environment: Environment,
    check: str,
    over: str | None,
    result: str,
    summary: str,
    seconds: float,
    packages: Packages | None = None,
    *,
    copy: bool = False,
) -> None:
    """Append one attempt of `check`; `over` is a digest, `seconds` wall time.

    `copy` says that it was gathered on a throwaway copy of `environment`.
    """

    def body(records: tuple[Record, ...], now: datetime.datetime) -> Body:
        earlier = [
            record
            for record in records
            if record.kind == "evidence"
            and (record.body["check"], record.body["release"], record.body["over"])
            == (check, release.digest, over)
            and record.body["environment"] == environment.name
            and record.body["copy"] == copy
        ]
        return evidence_body(
            check=check,
            release=release.digest,
            version=release.version,
            over=over,
            environment=environment.name,
            copy=copy,
            attempt=len(earlier) + 1,
            result=result,
            seconds=seconds,
            summary=summary[:SUMMARY_LENGTH],
            packages=packages,
        )

    context.ledger.append(body)
