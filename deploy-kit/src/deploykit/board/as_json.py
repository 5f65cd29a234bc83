"""The board for machines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from deploykit.base import times
from deploykit.board import Standing
from deploykit.ledger.keeping import Keeping


def board_json(lines: Iterable[Standing]) -> list[dict[str, Any]]:
    """The board for machines; times in UTC as the ledger writes them."""
    return [
        {
            "environment": line.environment,
            "release": line.running.digest if line.running else None,
            "version": line.running.version if line.running else None,
            "since": times.iso(line.running.since) if line.running else None,
            "by": line.running.actor if line.running else None,
            "evidence": dict(line.marks),
            "evidence_at": {check: times.iso(time) for check, time in line.marked.items()},
            "in_force": [
                {"code": one.code, "text": one.text, "remedy": one.remedy} for one in line.in_force
            ],
            "secrets": _secrets_json(line.secrets) if line.secrets else None,
            "environment_digest": line.running.environment_digest if line.running else None,
            "differs_from_files": line.differs,
            "left_out": dict(line.left_out),
            "late": list(line.late),
            "against_policy": [reason.code for reason in line.breach],
            "last_deploy": _attempt_json(line) if line.last else None,
            "next": _next_json(line) if line.next else None,
        }
        for line in lines
    ]


def _secrets_json(secrets: Keeping) -> dict[str, Any]:
    return {
        "exported": times.iso(secrets.exported) if secrets.exported else None,
        "last": secrets.event,
        "at": times.iso(secrets.at),
        "export_fits": secrets.fits,
    }


def _attempt_json(line: Standing) -> dict[str, Any]:
    last = line.last
    assert last is not None
    return {
        "id": last.id,
        "version": last.version,
        "release": last.release,
        "purpose": last.purpose,
        "phase": last.phase,
        "owner": last.owner.as_json(),
        "since": times.iso(last.since),
        "lease_until": times.iso(last.lease_until),
        "in_flight": line.busy,
        "summary": last.summary,
    }


def _next_json(line: Standing) -> dict[str, Any]:
    after = line.next
    assert after is not None
    return {
        "release": after.digest,
        "version": after.version,
        "from": after.source,
        "allowed": after.verdict.allowed,
        "failed_there": line.failed is not None,
        "reasons": [
            {"code": reason.code, "text": reason.text, "remedy": reason.remedy}
            for reason in after.verdict.reasons
        ],
        "needed": [{"check": n.check, "over": n.over} for n in after.verdict.needed],
    }
