"""Where pods are asked for and given back: each call one transaction, by whichever process.

Nobody needs a server for a pod that is ready: who asks is served in the same transaction, if it is
their turn.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace

from deploykit.base.errors import DeployKitError, InputError, Refused
from deploykit.base.yamlfile import nearest
from deploykit.pools import LEASE, Member, Request, State
from deploykit.pools import transitions as become
from deploykit.pools.config import Config
from deploykit.pools.fairness import Line, Turns, next_request
from deploykit.pools.schema import PODS
from deploykit.pools.store import Reading, Store, Writing

SEEN_EVERY = 5.0  # seconds between two words of somebody who waits
UNSEEN = 60.0  # seconds without a word after which nobody waits any more


class GivenUp(DeployKitError):
    """A request that is not there any more: it was withdrawn, or nobody had heard of it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks of a pool: a pod for `user` and `purpose`, for `wanted` seconds.

    With `lease` (seconds) it is theirs only as long as they renew it. `priority` is below that of
    the user, or it counts as theirs. `holder` is the process that has it, as JSON.
    """

    pool: str
    user: str
    purpose: str
    wanted: float
    build: str = ""
    change: str = ""
    priority: int = 0
    lease: float = 0.0
    holder: str = ""


class Desk:
    """Reservations in `store`, by the rules of `config`; `clock` gives seconds since the epoch."""

    def __init__(self, config: Config, store: Store, clock: Callable[[], float]) -> None:
        self.config, self.store, self._clock = config, store, clock

    def ask(self, wish: Wish) -> tuple[str, Member | None]:
        """Ask for a pod: the id of the request, and the pod if there is one for it now.

        Raises InputError for a pool that is none, Refused for one that is drained, StateAway.
        """
        self.config.pool(wish.pool)
        now, may = self._clock(), self.config.user(wish.user).priority
        request = Request(
            secrets.token_hex(8), wish.pool, wish.user, wish.purpose, now, now, wish.wanted,
            wish.build, wish.change, min(may, may + wish.priority), wish.lease, wish.holder,
        )  # fmt: skip
        with self.store.writing() as state:
            row = state.pool(wish.pool)
            if row.drained:
                raise Refused(
                    f"the pool {wish.pool} is drained", "deploy-kit pool drain --end opens it again"
                )
            turns = read_turns(row.turns)
            turns.come(request, state.requests(wish.pool))
            state.put_pool(replace(row, turns=write_turns(turns)))
            state.ask(request)
            serve(state, self.config, wish.pool, now)
            return request.id, state.of_request(request.id)

    def look(self, request: str) -> Member | None:
        """The pod of a request, None while it waits. Raises GivenUp if it does not any more."""
        now = self._clock()
        with self.store.reading() as state:
            # In this order: who does not wait any more has their pod since the same transaction.
            waiting = {one.id: one for one in state.requests()}
            if (pod := state.of_request(request)) is not None:
                return pod
            if request not in waiting:
                raise GivenUp(f"nobody waits by the name {request} any more", "ask anew")
            mine = waiting[request]
            if now - mine.seen < SEEN_EVERY and not state.ready(mine.pool):
                return None
        with self.store.writing() as state:
            state.saw(request, now)
            serve(state, self.config, mine.pool, now)
            return state.of_request(request)

    def withdraw(self, request: str) -> Member | None:
        """Wait no longer. Returns the pod that it was given meanwhile, which goes."""
        with self.store.writing() as state:
            if state.withdraw(request):
                return None
            pod = state.of_request(request)
            if pod is None or pod.state is not State.HELD:
                return None
            return state.put(become.released(pod, self._clock()))

    def release(self, name: str, user: str | None = None) -> Member:
        """Give a pod back. Raises InputError for one that nobody holds, or another than `user`."""
        with self.store.writing() as state:
            pod = _held(state, name, user)
            gone = state.put(become.released(pod, self._clock()))
            for pool in self.config.pools:  # its user may have another one now
                serve(state, self.config, pool, self._clock())
            return gone

    def renew(self, name: str, user: str | None = None, lease: float = LEASE) -> Member:
        """Say that a pod is still wanted. Raises InputError as `release`."""
        with self.store.writing() as state:
            return state.put(become.renewed(_held(state, name, user), lease, self._clock()))

    def keep(self, name: str, until: float, user: str | None = None) -> Member:
        """A person keeps a pod until then. Raises InputError as `release`."""
        with self.store.writing() as state:
            return state.put(become.kept(_held(state, name, user), until))

    def protect(self, name: str, why: str) -> Member:
        """Nothing takes a pod away as long as `why` is not "". Raises InputError for one that is
        not there, or on its way."""
        with self.store.writing() as state:
            pod = _known(state, name)
            if pod.state not in (State.READY, State.HELD):
                raise InputError(f"{pod.instance} is {pod.state}: there is nothing to protect")
            return state.put(replace(pod, protected=why, tagged=False))

    def discard(self, names: Collection[str], why: str) -> list[Member]:
        """Have pods go, held or not. Raises Refused, before any goes, if one is protected."""
        with self.store.writing() as state:
            going = [_known(state, name) for name in names]
            for pod in going:
                if pod.protected:
                    raise Refused(f"{pod.instance} is protected: {pod.protected}")
            return [
                state.put(become.discarded(pod, why))
                for pod in going
                if pod.state is not State.LEAVING
            ]

    def drain(self, pool: str, drained: bool) -> None:
        """Have a pool make no more pods, and give up those that nobody holds; or end that.

        Who waits for it is not served as long as it is drained. Raises InputError.
        """
        self.config.pool(pool)
        with self.store.writing() as state:
            state.put_pool(replace(state.pool(pool), drained=drained))

    def find(self, name: str) -> Member:
        """The pod that `name` names: its own name, or its instance's. Raises InputError."""
        with self.store.reading() as state:
            return _known(state, name)


def serve(state: Writing, config: Config, pool: str, now: float) -> list[Member]:
    """Give the pods of `pool` that are ready to those whose turn it is; returns them."""
    served: list[Member] = []
    spec, row = config.pools.get(pool), state.pool(pool)
    ready, waiting = state.ready(pool), {one.id: one for one in state.requests(pool)}
    if spec is None or row.drained or not ready or not waiting:
        return served
    held, turns = state.held(), read_turns(row.turns)
    for pod in (one for one in ready if not (one.sick or one.why or one.protected)):
        request = next_request(waiting.values(), held, turns, config, now)
        if request is None:
            break
        del waiting[request.id]
        turns.grant(request, waiting.values())
        held[request.user] += 1
        state.withdraw(request.id)
        served.append(state.put(become.granted(pod, request, spec.longest, now)))
    if served:
        state.put_pool(replace(row, turns=write_turns(turns)))
    return served


def read_turns(text: str) -> Turns:
    """Turns as `write_turns` wrote them; those of nobody if `text` is ""."""
    said = json.loads(text or "{}")
    users = Line(**said.get("users", {}))
    return Turns(users, {user: Line(**line) for user, line in said.get("builds", {}).items()})


def write_turns(turns: Turns) -> str:
    """Turns as JSON."""
    return json.dumps(asdict(turns))


def _known(state: Reading, name: str) -> Member:
    found = state.members((PODS.c.name == name) | (PODS.c.instance == name))
    if found:
        return found[0]
    names = frozenset(pod.name for pod in state.members())
    raise InputError(
        f"no pool has a pod '{name}'", nearest(name, names) if names else "deploy-kit pool status"
    )


def _held(state: Reading, name: str, user: str | None) -> Member:
    pod = _known(state, name)
    if pod.state is not State.HELD:
        raise InputError(f"nobody holds {pod.instance}: it is {pod.state}", pod.why)
    if user is not None and pod.user != user:
        raise InputError(f"{pod.instance} is {pod.user}'s")
    return pod
