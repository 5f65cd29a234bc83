"""Who may sign and what promotion asks for, as the ledger's last word on it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deploykit.ledger.records import Record, parse_signers
from deploykit.ledger.selection import select
from deploykit.site.freezes import window_of, windows_json
from deploykit.site.keys import Signer
from deploykit.site.promotion import Approvals, CheckRule, Promotion, Share, UnknownAuthors


def signers_in_force(records: Sequence[Record]) -> tuple[Signer, ...]:
    """Who may sign the next record; nobody when there is none yet."""
    last = next(select(records, "genesis", "signers", newest_first=True), None)
    return parse_signers(last.body["signers"]) if last else ()


def policy_in_force(records: Sequence[Record]) -> dict[str, Promotion]:
    """The promotion policy of each environment that the ledger knows."""
    last = next(select(records, "genesis", "policy", newest_first=True), None)
    return parse_policy(last.body["policy"]) if last else {}


def parse_policy(value: Mapping[str, Any]) -> dict[str, Promotion]:
    """The policy of a checked record."""
    return {
        name: Promotion(
            source=rule["from"],
            checks={
                check: CheckRule(counts["attempts"], counts["passes"])
                for check, counts in rule["checks"].items()
            },
            soak=rule["soak"],
            undisturbed=rule.get("undisturbed", not rule["soak"]),
            approvals=_parse_approvals(rule["approvals"]),
            allow_missing={
                role: Share.parse(share) for role, share in rule.get("allow_missing", {}).items()
            },
            freeze=tuple(window_of(entry) for entry in rule.get("freeze", ())),
            copies=frozenset(rule.get("copies", ())),
        )
        for name, rule in value.items()
    }


def _parse_approvals(value: Mapping[str, Any]) -> Approvals:
    given = {**value, "not": frozenset(value["not"])}
    if "unknown_authors" in given:
        given["unknown_authors"] = UnknownAuthors(given["unknown_authors"])
    return Approvals(excluded=given.pop("not"), **given)


def policy_json(policy: Mapping[str, Promotion]) -> dict[str, Any]:
    """The form of a policy that a record holds."""
    return {
        name: {
            **_optional_json(rule),
            "from": rule.source,
            "checks": {
                check: {"attempts": counts.attempts, "passes": counts.passes}
                for check, counts in rule.checks.items()
            },
            "soak": rule.soak,
            "approvals": _approvals_json(rule.approvals),
        }
        for name, rule in policy.items()
    }


def _optional_json(rule: Promotion) -> dict[str, Any]:
    """What a rule asks for that records of before say nothing of; nothing if it does not."""
    shares = {role: str(share) for role, share in rule.allow_missing.items()}
    return {
        **({"undisturbed": True} if rule.soak and rule.undisturbed else {}),
        **({"allow_missing": shares} if shares else {}),
        **({"freeze": windows_json(rule.freeze)} if rule.freeze else {}),
        **({"copies": sorted(rule.copies)} if rule.copies else {}),
    }


def _approvals_json(approvals: Approvals) -> dict[str, Any]:
    usual = Approvals()
    found: dict[str, Any] = {"count": approvals.count, "not": sorted(approvals.excluded)}
    for name in ("role", "expire", "unknown_authors"):
        if getattr(approvals, name) != getattr(usual, name):
            found[name] = getattr(approvals, name)
    return found
