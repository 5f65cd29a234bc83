"""What a pod of a pool becomes, step by step. Pure; the state applies them, one at a time.

Each checks nothing: who asks has looked whether the pod is where the step begins, in the same
transaction.
"""

from __future__ import annotations

from dataclasses import replace

from deploykit.pods import pod_instance
from deploykit.pools import Member, PoolSpec, Request, State


def ordered(name: str, spec: PoolSpec, host: str, target: str, now: float) -> Member:
    """A pod that is to be made of `target` on `host`; nobody works on it yet."""
    instance = str(pod_instance(spec.environment, name))
    return Member(
        name, spec.name, host, spec.memory, State.MAKING, 0, now, instance, target, renewed=now
    )


def claimed(member: Member, worker: str, now: float) -> Member:
    """`worker` makes it, or takes it away."""
    return replace(member, worker=worker, renewed=now)


def made(member: Member, access: str, now: float) -> Member:
    """It is there for anybody; `access` says how it is reached, as JSON."""
    return replace(
        member, state=State.READY, ready_at=now, looked=now, worker="", access=access, renewed=now
    )


def granted(member: Member, request: Request, longest: float, now: float) -> Member:
    """It is the one's who asked, for at most `longest` seconds."""
    until = now + min(request.wanted, longest)
    return replace(
        member,
        state=State.HELD,
        request=request.id,
        user=request.user,
        purpose=request.purpose,
        build=request.build,
        change=request.change,
        holder=request.holder,
        until=until,
        lease=now + request.lease if request.lease else until,
        tagged=False,
    )


def renewed(member: Member, lease: float, now: float) -> Member:
    """Its holder wants it for `lease` seconds more; never for less than before."""
    return replace(member, lease=max(member.lease, now + lease), gone=False)


def kept(member: Member, until: float) -> Member:
    """A person keeps it until then, whatever becomes of its holder."""
    return replace(member, kept=until, tagged=False)


def released(member: Member, now: float) -> Member:
    """Its holder is done with it. It goes, unless a person keeps it."""
    if member.kept > now or member.protected:
        return replace(member, until=now, lease=now, tagged=False)
    return discarded(member, "it was given back")


def discarded(member: Member, why: str) -> Member:
    """It is to be taken away, and never given to anybody again."""
    return replace(member, state=State.LEAVING, why=why, worker="", renewed=0.0)
