"""Records in words, one line each."""

from __future__ import annotations

from datetime import datetime

from deploykit.ledger.records import Record

CLOCK = "%Y-%m-%d %H:%M:%S"


def moment(time: datetime) -> str:
    """A moment as people read it, in UTC."""
    return time.strftime(CLOCK)


def short(digest: str | None) -> str:
    """The beginning of a digest, enough to name a release by."""
    return digest.removeprefix("sha256:")[:12] if digest else "nothing"


def describe(record: Record, versions: dict[str, str] | None = None) -> str:
    """What a record says, in one line; `versions` maps digests to the versions to show."""
    body = record.body
    named = versions or {}

    def release(digest: str | None) -> str:
        return named.get(digest or "", short(digest))

    if record.kind == "deploy":
        text = f"{body['purpose']} of {body['version']} to {body['environment']} {body['phase']}"
        if body["phase"] == "started":
            text += f", over {release(body['over'])}"
    elif record.kind == "evidence":
        where = f"a copy of {body['environment']}" if body["copy"] else body["environment"]
        over = f" over {release(body['over'])}" if body["check"] == "upgrade" else ""
        text = f"{body['check']} of {body['version']}{over} in {where} {body['result']}"
        text += f" ({body['seconds']:.0f} s)"
    elif record.kind == "decision":
        text = str(body["decision"])
        text += f" {body['check']} of" if body["check"] else ""
        text += f" {release(body['release'])}" if body["release"] else ""
        text += f" {'for ' if body['release'] else ''}{body['environment'] or 'everywhere'}"
        return f"{text}: {body['reason']}" if body["reason"] else text
    elif record.kind == "signers":
        return f"signers are now {', '.join(s['principal'] for s in body['signers'])}"
    elif record.kind == "policy":
        return f"policy is now that of {', '.join(body['policy'])}"
    else:
        return f"the ledger of {body['site']} begins"
    summary = body["summary"].splitlines()
    return f"{text}: {summary[0]}" if summary and summary[0] else text


def versions_of(records: tuple[Record, ...]) -> dict[str, str]:
    """The version of every digest that the ledger has seen; the last word counts."""
    return {
        record.body["release"]: record.body["version"]
        for record in records
        if record.kind in ("deploy", "evidence")
    }
