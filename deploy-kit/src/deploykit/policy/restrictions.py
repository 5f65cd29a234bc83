"""The rules that hold for going forward and back: what people forbade, and who is at it. No I/O."""

from __future__ import annotations

from deploykit.base import times
from deploykit.ledger import view
from deploykit.ledger.schema import SPECULATIVE, Phase
from deploykit.ledger.words import short
from deploykit.policy.case import IN_FLIGHT, Case, Reason, because, last_of, last_words


def speculative(case: Case) -> list[Reason]:
    """A state of the gate: made to be tried, of changes that may never be merged."""
    version = case.release.version
    if not version.startswith(SPECULATIVE):
        return []
    text = f"{version} is no release but a state that the gate tries changes on"
    return [Reason("speculative", text, "merge the changes, then: deploy-kit release cut")]


def vetoed(case: Case) -> list[Reason]:
    """Vetoes of this release, by each person's last word on it."""
    reasons = []
    overruled = last_of(case, "overrule", release=case.release.digest)
    for entry in last_words(case):
        if entry.decision == "veto" and (overruled is None or overruled.n < entry.n):
            version, name = case.release.version, case.environment
            text = f"{entry.actor} vetoed {version}{because(entry)}"
            remedy = (
                f"cut another release; or {entry.actor} takes it back: deploy-kit approve "
                f"{version} {name}; or an admin overrules it: deploy-kit overrule {version}"
            )
            reasons.append(Reason("veto", text, remedy))
    return reasons


def compromised(case: Case) -> list[Reason]:
    """A release that was cut with a key which was in other hands by then."""
    known = view.released(case.records, case.release.digest)
    stolen = view.compromises(case.records)
    if known is None or not any(one.covers(known.n, known.actor) for one in stolen):
        return []
    text = f"{case.release.version} was released with the key of {known.actor} after it was stolen"
    return [Reason("compromised", text, "cut another release from commits that you have checked")]


def on_hold(case: Case) -> list[Reason]:
    """A hold of the environment."""
    hold = last_of(case, "hold", "unhold")
    if hold is None or hold.decision != "hold":
        return []
    name = case.environment
    text = f"{name} is on hold, by {hold.actor} since {times.iso(hold.time)}{because(hold)}"
    return [Reason("hold", text, f"deploy-kit unhold {name}")]


def pinned(case: Case) -> list[Reason]:
    """A pin of the environment to another release."""
    pin = last_of(case, "pin", "unpin")
    if pin is None or pin.decision != "pin" or pin.release == case.release.digest:
        return []
    name = case.environment
    text = f"{name} is pinned to {short(pin.release)} by {pin.actor}{because(pin)}"
    return [Reason("pin", text, f"deploy-kit unpin {name}")]


def in_flight(case: Case) -> list[Reason]:
    """Another deploy that holds the environment's lease."""
    lease = view.in_flight(case.records, case.environment, case.now)
    if lease is None or lease.id == case.own_deploy:
        return []
    text = (
        f"{lease.owner} has been deploying {lease.version} to {case.environment} since "
        f"{times.iso(lease.since)}; its lease lasts until {times.iso(lease.lease_until)}"
    )
    return [Reason(IN_FLIGHT, text, "wait for it: deploy-kit status")]


def ran_before(case: Case) -> list[Reason]:
    """What an environment goes back to must have run there."""
    ran = any(
        attempt.phase == Phase.FINISHED and attempt.release == case.release.digest
        for attempt in view.latest_attempts(case.records, case.environment)
    )
    if ran:
        return []
    name, version = case.environment, case.release.version
    text = f"{version} never ran in {name}, so there is nothing to go back to"
    return [Reason("never-ran", text, f"deploy-kit history {name}")]
