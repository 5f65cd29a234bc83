"""What is on a host, compared with what the state knows: leaks go, what is lost is told.

Nothing is taken away on one look: the state, or the host, may just have been wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from deploykit.pools import Member, State
from deploykit.pools import transitions as become
from deploykit.pools.config import Config
from deploykit.pools.nodes import PURPOSE, Found
from deploykit.pools.schema import PODS
from deploykit.pools.store import Writing

GRACE = 120.0  # seconds between the first look and the one that acts
NOT_THERE = "- "  # begins the names of sightings of what is known and not there


@dataclass(frozen=True, slots=True)
class Look:
    """The pods `found` on a host by instance, by a look that began when the state was at `tick`."""

    tick: int
    found: Mapping[str, Found]


def settle_found(state: Writing, config: Config, host: str, look: Look, now: float) -> list[str]:
    """Write down what follows from a look at `host`; returns what is to be told.

    One that nobody knows is taken in once it was seen twice: as its holder's, if its tags say that
    somebody wants it or protects it, else to go. One that is known and not there any more goes.
    """
    found = look.found
    rows = {one.instance: one for one in state.members(PODS.c.host == host)}
    before, keep, told = state.sightings(host), {}, []
    for instance, pod in found.items():
        if instance in rows:
            continue
        first = before.get(instance, now)
        if now - first < GRACE:
            keep[instance] = first
            continue
        member = state.put(_taken_in(config, host, pod, now))
        told.append(f"{instance}: nobody knew it; it is {member.state} now")
    for instance, member in rows.items():
        if instance in found and _is_as_seen(member, look):
            said = found[instance].protected
            if said != member.protected:  # somebody said it by the tag alone
                state.put(replace(member, protected=said))
        if instance in found or member.state not in (State.READY, State.HELD):
            continue
        first = before.get(NOT_THERE + instance, now)
        if now - first < GRACE or member.protected:
            keep[NOT_THERE + instance] = first
            continue
        state.put(become.discarded(member, "it is not there any more"))
        told.append(f"{instance}: it is not there any more")
    if keep != before:
        state.see(host, keep)
    return told


def _is_as_seen(member: Member, look: Look) -> bool:
    """Whether a pod is still what it was when its tags were read, which say what is known of it."""
    settled = member.tagged and member.state in (State.READY, State.HELD)
    return settled and member.version <= look.tick


def _taken_in(config: Config, host: str, found: Found, now: float) -> Member:
    """A pod that nobody knew, as its tags say."""
    pod, spec = found.pod, config.pools.get(found.pool)
    wanted = pod.wanted
    member = Member(
        (pod.instance.copy or "").partition("-")[2],
        found.pool,
        host,
        spec.memory if spec else 0,
        State.LEAVING,
        0,
        pod.created.timestamp(),
        str(pod.instance),
        protected=found.protected,
        why="nobody knows it",
    )
    until = wanted.until.timestamp()
    is_held = until > now and not wanted.purpose.startswith(f"{PURPOSE} ")
    if not is_held and not found.protected:
        return member
    return replace(
        member,
        state=State.HELD,
        why="",
        request=f"found {member.name}",
        user=wanted.user,
        purpose=wanted.purpose,
        build=wanted.build,
        change=wanted.change,
        until=until,
        lease=until,
    )
