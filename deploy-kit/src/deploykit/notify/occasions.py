"""What the ledger's records give people reason to hear. Pure.

A kind of record that tells something by itself is an entry in TELL_BY_KIND. What follows from a
record for the releases that wait, and from time for a deploy that nobody goes on with, is the same
for all kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime

from deploykit.base import times
from deploykit.base.printable import one_line
from deploykit.board import Next
from deploykit.ledger import view
from deploykit.ledger.kinds import without
from deploykit.ledger.records import Record
from deploykit.ledger.schema import Phase, Purpose, Result
from deploykit.ledger.words import short
from deploykit.notify import Event, Topic
from deploykit.notify.prospects import Prospects, prospects, refusals, waits_for_people
from deploykit.policy.case import APPROVALS

Tell = Callable[[Record, Sequence[Record]], Iterator[Event]]

DONE = {Purpose.DEPLOY: "deployed", Purpose.PROMOTE: "promoted", Purpose.ROLLBACK: "rolled back"}


def occasions(
    records: Sequence[Record], first: int, runnable: Collection[str]
) -> tuple[tuple[Event, ...], Prospects]:
    """The events of the `records` from number `first` on, in their order; and the prospects after
    the last one.

    What a record tells itself comes first, then what it means for releases that wait.
    `runnable` are the checks that a train can run.
    """
    before = prospects(_without_renewals(records[:first]), runnable)
    events: list[Event] = []
    for record in records[first:]:
        if record.body.get("phase") == Phase.RENEWED:
            continue
        upto = records[: record.n + 1]
        if record.kind in TELL_BY_KIND:
            events += TELL_BY_KIND[record.kind](record, upto)
        after = prospects(upto, runnable)
        events += _changes(record, before, after)
        before = after
    return tuple(events), before


def left_unfinished(open_: Sequence[tuple[view.Attempt, str]], now: datetime) -> Iterator[Event]:
    """The deploys among `open_` whose lease is over at `now`: whoever had it does not go on.

    Each comes with the commit of its last record (`open_attempts`).
    """
    for attempt, commit in open_:
        if attempt.lease_until > now:
            continue
        name, version, purpose = attempt.environment, attempt.version, attempt.purpose
        what = name if purpose == Purpose.ROLLBACK else f"{version} {name}"
        yield Event(
            topic=Topic.FAILED,
            environment=name,
            release=version,
            title=f"{name}: {purpose} of {version} was left unfinished",
            why=(f"by {attempt.owner}, whose lease was over at {times.iso(attempt.lease_until)}",),
            remedies=(f"deploy-kit {purpose} {what}", f"deploy-kit history {name}"),
            n=attempt.last,
            time=attempt.lease_until,
            key=f"{commit}/unfinished",
            standing=True,
        )


def open_attempts(records: Sequence[Record]) -> tuple[tuple[view.Attempt, str], ...]:
    """The deploys that neither finished nor failed, each with the commit of its last record."""
    attempts = (view.in_flight(records, name) for name in view.policy_in_force(records))
    return tuple((a, records[a.last].commit) for a in attempts if a is not None)


def still_true(events: Sequence[Event], now: Prospects) -> Iterator[Event]:
    """The `events` without refusals and waits that are over by the prospects of `now`, or that a
    later one of the same environment repeats."""
    last = {
        event.environment: event
        for event in events
        if event.topic in (Topic.REFUSED, Topic.WAITING)
    }
    for event in events:
        if event.topic not in (Topic.REFUSED, Topic.WAITING) or (
            event is last[event.environment] and _holds(event, now.get(event.environment))
        ):
            yield event


def _holds(event: Event, prospect: Next | None) -> bool:
    if prospect is None or prospect.version != event.release:
        return False
    refused = event.topic == Topic.REFUSED
    return bool(refusals(prospect)) if refused else waits_for_people(prospect)


def _changes(record: Record, before: Prospects, after: Prospects) -> Iterator[Event]:
    """What `record` changed for the releases that could enter environments next."""
    for name, prospect in after.items():
        was = before.get(name)
        if was is not None and was.digest != prospect.digest:
            was = None
        known = {reason.text for reason in refusals(was)} if was is not None else set()
        if any(reason.text not in known for reason in refusals(prospect)):
            title = f"{name} refuses {prospect.version}"
            yield _prospect_event(record, Topic.REFUSED, name, prospect, title)
        elif waits_for_people(prospect) and not (was is not None and waits_for_people(was)):
            codes = {reason.code for reason in prospect.verdict.reasons}
            what = "approval" if APPROVALS in codes else "evidence"
            title = f"{name}: {prospect.version} waits for {what}"
            yield _prospect_event(record, Topic.WAITING, name, prospect, title)


def _prospect_event(record: Record, topic: Topic, name: str, prospect: Next, title: str) -> Event:
    reasons = prospect.verdict.reasons
    remedies = dict.fromkeys(line for reason in reasons for line in reason.remedy.splitlines())
    why = tuple(reason.text for reason in reasons)
    return _event(record, topic, name, prospect.version, title, why=why, remedies=tuple(remedies))


def _deploy(record: Record, upto: Sequence[Record]) -> Iterator[Event]:
    """How a deploy ended; not that what runs was deployed once more, and all went well."""
    name = record.body["environment"]
    attempt = view.last_attempt(upto, name)
    if attempt is None or attempt.last != record.n:
        return  # the word of a process that was overtaken
    version = attempt.version
    if attempt.phase == Phase.FAILED:
        yield _event(
            record, Topic.FAILED, name, version, f"{name}: {attempt.purpose} of {version} failed",
            why=_lines(attempt.summary, f"by {record.actor}"),
            remedies=(f"deploy-kit history {name}", f"deploy-kit rollback {name}"),
        )  # fmt: skip
    runs = view.running(upto, name)
    if attempt.phase == Phase.FINISHED and runs is not None and runs.n == record.n:
        over = view.version_of(upto, attempt.over or "") or short(attempt.over)
        what = f"{DONE[attempt.purpose]} over {over} by {record.actor}"
        left_out = without(attempt.left_out) if attempt.left_out else ""
        yield _event(
            record, Topic.PROMOTED, name, version, f"{name} runs {version}",
            why=_lines(what, left_out), remedies=(f"deploy-kit history {name}",),
        )  # fmt: skip


def _evidence(record: Record, upto: Sequence[Record]) -> Iterator[Event]:
    body = record.body
    if body["result"] != Result.FAILED:
        return
    name, version = body["environment"], _version(upto, body["release"])
    where = f"a copy of {name}" if body["copy"] else name
    yield _event(
        record, Topic.FAILED, name, version, f"{where}: {body['check']} of {version} failed",
        why=_lines(body["summary"], f"recorded by {record.actor}"),
        remedies=(f"deploy-kit history {name}",),
    )  # fmt: skip


def _decision(record: Record, upto: Sequence[Record]) -> Iterator[Event]:
    """Holds and pins. What vetoes, approvals and waivers mean is seen by what then may enter."""
    body = record.body
    name, decision = body["environment"], body["decision"]
    release = _version(upto, body["release"]) if body["release"] else ""
    titles = {
        "hold": f"{name} is on hold",
        "unhold": f"{name} is on hold no more",
        "pin": f"{name} is pinned to {release}",
        "unpin": f"{name} is pinned no more",
    }
    if decision in titles:
        lifts = {"hold": f"deploy-kit unhold {name}", "pin": f"deploy-kit unpin {name}"}
        yield _event(
            record, Topic.HOLD, name, release, titles[decision],
            why=_lines(body["reason"], f"by {record.actor}"),
            remedies=(lifts.get(decision, "deploy-kit status"),),
        )  # fmt: skip


def _observation(record: Record, upto: Sequence[Record]) -> Iterator[Event]:
    body = record.body
    if body["clean"] or body["against"]:  # who compares two environments reads what comes of it
        return
    name, subject = body["environment"], body["subject"]
    nodes = ", ".join(f"{node} ({count})" for node, count in body["nodes"].items())
    yield _event(
        record, Topic.DRIFT, name, _version(upto, body["release"]), f"{name}: {subject} on {nodes}",
        why=_lines(body["summary"], f"seen by {record.actor}"),
        remedies=(f"deploy-kit drift {name} --explain", f"deploy-kit history {name}"),
    )  # fmt: skip


TELL_BY_KIND: Mapping[str, Tell] = {
    "deploy": _deploy,
    "evidence": _evidence,
    "decision": _decision,
    "observation": _observation,
}


def _event(
    record: Record,
    topic: Topic,
    name: str,
    release: str,
    title: str,
    *,
    why: tuple[str, ...],
    remedies: tuple[str, ...],
) -> Event:
    return Event(
        topic, name, release, one_line(title), why, remedies, record.n, record.time, record.commit
    )


def _lines(*texts: str) -> tuple[str, ...]:
    """The first line of each text that has one, fit for print."""
    firsts = (one_line(text.strip().partition("\n")[0]) for text in texts)
    return tuple(line for line in firsts if line)


def _version(records: Sequence[Record], digest: str) -> str:
    return view.version_of(records, digest) or short(digest)


def _without_renewals(records: Sequence[Record]) -> Sequence[Record]:
    """`records` up to the last one that says more than that a lease was renewed."""
    end = len(records)
    while end and records[end - 1].body.get("phase") == Phase.RENEWED:
        end -= 1
    return records[:end]
