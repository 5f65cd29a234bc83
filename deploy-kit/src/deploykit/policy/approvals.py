"""The rule of approvals: how many people have to say yes, and whose word counts. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from deploykit.base import times
from deploykit.ledger import view
from deploykit.ledger.selection import select
from deploykit.policy.case import APPROVALS, Case, Reason, last_words, over_by
from deploykit.site.keys import person
from deploykit.site.promotion import UnknownAuthors

# What somebody did, to stand behind their name, by the involvement that policy names.
DID = {"cut": "cut it", "deploy": "deployed it", "author": "wrote some of it", "ask": "asks for it"}


@dataclass(frozen=True, slots=True)
class Tally:
    """Who approved: those who count, and the others with the reason why they do not."""

    counted: tuple[str, ...]
    others: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Authorship:
    """Who wrote what a release has and its environment has not.

    `people` are signers, `strangers` addresses that no signer has. `known`: whether every release
    on the way recorded its authors.
    """

    people: frozenset[str]
    strangers: tuple[str, ...]
    known: bool


def approvals(case: Case) -> list[Reason]:
    """Approvals of distinct people; each one's last word on the release counts."""
    tally = count_approvals(case)
    reasons = _unknown_authors(case)
    lacking = case.rule.approvals.count - len(tally.counted)
    if lacking <= 0:
        return reasons
    by = f" (given by {', '.join(tally.counted)})" if tally.counted else ""
    people = "approval is" if lacking == 1 else f"{lacking} approvals are"
    text = f"{'one more ' if lacking == 1 else ''}{people} needed for {case.environment}{by}"
    if tally.others:
        text += f"; not counted: {', '.join(f'{who} ({why})' for who, why in tally.others.items())}"
    remedy = f"deploy-kit approve {case.release.version} {case.environment}"
    return [*reasons, Reason(APPROVALS, text, remedy)]


def count_approvals(case: Case) -> Tally:
    """The approvals of the entry, each with whether it counts."""
    asked = case.rule.approvals
    involved = _involved(case)
    counted, others = [], {}
    for entry in last_words(case):
        if entry.decision != "approve":
            continue
        who = person(entry.actor)
        why = over_by(case, entry) or involved.get(who, "")
        expiry = entry.time + timedelta(seconds=asked.expire)
        if not why and asked.expire and case.now >= expiry:
            why = f"was over at {times.iso(expiry)}"
        if not why and asked.role is not None and asked.role not in _roles_of(case, who):
            why = f"is no {asked.role}"
        if why:
            others[who] = why
        else:
            counted.append(who)
    return Tally(tuple(sorted(counted)), others)


def authorship(case: Case) -> Authorship:
    """Who wrote the commits that the entry would bring, as far as releases recorded it.

    Each release names the authors of what it has and the release before has not, so those on the
    way back to what the environment runs are put together.
    """
    addresses: set[str] = set()
    known, seen = True, set()
    digest: str | None = case.release.digest
    while digest is not None and digest != case.over and digest not in seen:
        seen.add(digest)
        entry = view.released(case.records, digest)
        if entry is None or entry.authors is None:
            known = False
            break
        addresses.update(address.casefold() for address in entry.authors)
        digest = entry.base
    signers = view.signers_in_force(case.records)
    owners = {address.casefold(): person(s.principal) for s in signers for address in s.addresses}
    return Authorship(
        people=frozenset(owners[address] for address in addresses if address in owners),
        strangers=tuple(sorted(addresses - owners.keys())),
        known=known,
    )


def _unknown_authors(case: Case) -> list[Reason]:
    asked = case.rule.approvals
    if "author" not in asked.excluded or asked.unknown_authors != UnknownAuthors.REFUSE:
        return []
    written = authorship(case)
    if not written.known:
        text = f"nobody recorded who wrote the commits of {case.release.version}"
        return [Reason("unknown-authors", text, "cut it again: deploy-kit release cut")]
    if not written.strangers:
        return []
    text = f"no signer has the address of {', '.join(written.strangers)}, who wrote commits of it"
    remedy = "say whose it is: deploy-kit ledger trust NAME KEYFILE --address ADDRESS"
    return [Reason("unknown-authors", text, remedy)]


def _involved(case: Case) -> dict[str, str]:
    """What those did whose approval policy does not count, by person."""
    digest, people = case.release.digest, {}
    asked = case.rule.approvals.excluded
    if "ask" in asked and case.asker is not None:
        people[person(case.asker)] = DID["ask"]
    if "author" in asked:
        people |= dict.fromkeys(authorship(case).people, DID["author"])
    if "deploy" in asked:
        deploys = select(case.records, "deploy", release=digest)
        people |= {person(record.actor): DID["deploy"] for record in deploys}
    known = view.released(case.records, digest)
    if "cut" in asked and known is not None:
        people[person(known.actor)] = DID["cut"]
    return people


def _roles_of(case: Case, who: str) -> frozenset[str]:
    """The roles that a person may sign for now, with whichever key."""
    signers = view.signers_in_force(case.records)
    return frozenset(role for s in signers if person(s.principal) == who for role in s.roles)
