"""A deploy in the ledger: begun by one process alone, kept alive, and ended or taken over."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType

from deploykit.base.errors import Refused
from deploykit.base.processes import Process, is_dead, parse_process, this_process
from deploykit.ledger import view
from deploykit.ledger.bodies import deploy_body
from deploykit.ledger.kinds import Body
from deploykit.ledger.records import Record
from deploykit.ledger.schema import Phase, Purpose
from deploykit.ledger.store import Ledger
from deploykit.policy import Candidate, Verdict, evaluate, evaluate_rollback

LEASE = timedelta(minutes=5)

Judge = Callable[[Candidate, str, Sequence[Record], datetime, str | None], Verdict]


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one process to change an environment, as the ledger holds it.

    `resumed` tells that a deploy of the same release, left by another process, goes on. `fence` is
    the number of the record that gave it: whoever has the environment later has a higher one.
    `environment_digest` is of what the environment's files say now, `left_out` the nodes to which
    the deploy does not come, each with the reason.
    """

    ledger: Ledger
    id: str
    environment: str
    release: str
    version: str
    over: str | None
    purpose: Purpose
    owner: Process
    length: timedelta
    resumed: bool
    fence: int = 0
    environment_digest: str | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)

    def renew(self, summary: str = "") -> Record:
        """Hold it for another while. Raises Refused when it was taken over meanwhile."""
        return self._tell(Phase.RENEWED, summary)

    def finish(self, summary: str = "") -> Record:
        """Record that the environment runs the release now. Raises Refused as `renew` does."""
        return self._tell(Phase.FINISHED, summary)

    def fail(self, summary: str) -> Record:
        """Record that the deploy failed, and why. Raises Refused as `renew` does."""
        return self._tell(Phase.FAILED, summary)

    def demand_held(self, records: Sequence[Record]) -> None:
        """Raise Refused if somebody else has the environment after `records`."""
        found = view.in_flight(records, self.environment)
        if found is None or found.id != self.id or found.owner != self.owner:
            raise Refused(
                f"this deploy of {self.version} to {self.environment} was taken over"
                + (f" by {found.owner}" if found else " and has ended"),
                "deploy-kit status",
            )

    def _tell(self, phase: Phase, summary: str) -> Record:
        def decide(records: Sequence[Record], now: datetime) -> Body:
            self.demand_held(records)
            return _body(self, phase, now, summary)

        return self.ledger.append(decide)


def begin(
    ledger: Ledger,
    release: Candidate,
    environment: str,
    purpose: Purpose,
    owner: Process | None = None,
    *,
    length: timedelta = LEASE,
    runnable: Collection[str] | None = None,
    environment_digest: str | None = None,
    left_out: Mapping[str, str] = MappingProxyType({}),
) -> Lease:
    """Start deploying, if policy and everybody else let us; exactly one of many callers wins.

    `purpose` is deploy, promote or rollback. A deploy that was left by a dead process of this
    machine, or whose lease has run out, is gone on with if it was of the same release and purpose,
    and superseded otherwise. Raises Refused with every reason; the winner is named among them.
    `runnable` are the checks that a train can run, for the reasons' remedies.
    """
    holder = owner or this_process()
    forward = partial(evaluate, runnable=runnable, asker=ledger.operator)
    judge: Judge = evaluate_rollback if purpose == Purpose.ROLLBACK else forward

    def decide(records: Sequence[Record], now: datetime) -> Body:
        left = view.in_flight(records, environment)
        verdict = judge(release, environment, records, now, abandoned(records, environment, now))
        verdict.demand(f"{purpose} of {release.version} to {environment}")
        runs = view.running(records, environment)
        lease = Lease(
            ledger=ledger,
            id=uuid.uuid4().hex[:12],
            environment=environment,
            release=release.digest,
            version=release.version,
            over=runs.digest if runs else None,
            purpose=purpose,
            owner=holder,
            length=length,
            resumed=False,
            environment_digest=environment_digest,
            left_out=left_out,
        )
        if left is None:
            return _body(lease, Phase.STARTED, now, "")
        if (left.release, left.purpose) == (release.digest, purpose):
            taken = replace(lease, id=left.id, over=left.over)
            return _body(taken, Phase.TAKEN_OVER, now, f"left by {left.owner}")
        return _body(lease, Phase.STARTED, now, f"in place of {left.version}, left by {left.owner}")

    record = ledger.append(decide)
    body = record.body
    return Lease(
        ledger=ledger,
        id=body["id"],
        environment=environment,
        release=body["release"],
        version=release.version,
        over=body["over"],
        purpose=purpose,
        owner=parse_process(body["owner"]),
        length=length,
        resumed=body["phase"] == Phase.TAKEN_OVER,
        fence=record.n,
        environment_digest=environment_digest,
        left_out=left_out,
    )


def abandoned(records: Sequence[Record], environment: str, now: datetime) -> str | None:
    """The id of a deploy there that may be taken over: left by a dead process, or out of time."""
    left = view.in_flight(records, environment)
    free = left is not None and (left.lease_until <= now or is_dead(left.owner))
    return left.id if left and free else None


def _body(lease: Lease, phase: Phase, now: datetime, summary: str) -> Body:
    ends = now if phase in (Phase.FINISHED, Phase.FAILED) else now + lease.length
    return deploy_body(
        id=lease.id,
        phase=phase,
        environment=lease.environment,
        release=lease.release,
        over=lease.over,
        purpose=lease.purpose,
        owner=lease.owner.as_json(),
        lease_until=ends,
        summary=summary,
        environment_digest=lease.environment_digest,
        left_out=lease.left_out,
    )
