"""Who gets the next pod: priorities first, then users in turn, then builds in turn. Pure.

Turns are start-time fair queuing: each grant moves a user (and their build) one place back, those
who come anew begin where the others are, and who holds pods stands as many places further back.
Somebody of a low priority rises with the time that they wait, up to the highest that waits, so
nobody waits for ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from deploykit.pools import Request
from deploykit.pools.config import Config

AGING = 300.0  # seconds of waiting that are worth one priority
LAG = 1 / 64  # places that those who come anew begin further back with each grant


@dataclass
class Line:
    """Places in a line, the lower the sooner; those who come anew begin at `newest`."""

    newest: float = 0.0
    places: dict[str, float] = field(default_factory=dict)

    def come(self, name: str) -> None:
        """`name` comes, who did not wait before: what they did not use is not kept for them."""
        self.places[name] = max(self.places.get(name, 0.0), self.newest)

    def grant(self, name: str) -> None:
        """It was the turn of `name`."""
        place = self.places.get(name, 0.0)
        self.newest = max(self.newest + LAG, place)
        self.places[name] = place + 1.0

    def trim(self, waiting: Collection[str]) -> None:
        """Forget who does not wait and would begin where those begin who come anew."""
        self.places = {
            name: place
            for name, place in self.places.items()
            if name in waiting or place > self.newest
        }


@dataclass
class Turns:
    """Whose turn it is in the queue of one pool: users among each other, each one's builds too."""

    users: Line = field(default_factory=Line)
    builds: dict[str, Line] = field(default_factory=dict)

    def come(self, request: Request, waiting: Iterable[Request]) -> None:
        """`request` comes beside those who are `waiting` already."""
        builds = {other.build for other in waiting if other.user == request.user}
        if not builds:
            self.users.come(request.user)
        if request.build not in builds:
            self.builds.setdefault(request.user, Line()).come(request.build)

    def grant(self, request: Request, waiting: Iterable[Request]) -> None:
        """`request` has its pod; the others are `waiting`."""
        self.users.grant(request.user)
        self.builds.setdefault(request.user, Line()).grant(request.build)
        left = list(waiting)
        self.users.trim({one.user for one in left})
        self.builds = {user: self.builds[user] for user in self.users.places if user in self.builds}
        if request.user in self.builds:
            self.builds[request.user].trim({one.build for one in left if one.user == request.user})

    def place(self, request: Request) -> tuple[float, float]:
        """How far back a request stands: its user, then its build among theirs."""
        builds = self.builds.get(request.user, Line())
        return self.users.places.get(request.user, 0.0), builds.places.get(request.build, 0.0)


def startable(waiting: Iterable[Request], held: Mapping[str, int], config: Config) -> list[Request]:
    """Those who could have a pod if there was one: no user beyond what they may hold.

    `held` are the pods that each user has. In the order in which they came.
    """
    left: Counter[str] = Counter()
    found = []
    for request in sorted(waiting, key=lambda one: (one.asked, one.id)):
        may = config.user(request.user).pods - held.get(request.user, 0)
        if left[request.user] < may:
            left[request.user] += 1
            found.append(request)
    return found


def next_request(
    waiting: Iterable[Request],
    held: Mapping[str, int],
    turns: Turns,
    config: Config,
    now: float,
) -> Request | None:
    """Who of those `waiting` gets the next pod at `now`; None if nobody may have one."""
    may = [
        request for request in waiting if held.get(request.user, 0) < config.user(request.user).pods
    ]
    if not may:
        return None
    top = max(request.priority for request in may)

    def order(request: Request) -> tuple[float, float, float, float, str]:
        waited = max(0.0, now - request.asked)
        risen = min(top, request.priority + int(waited / AGING))
        user, build = turns.place(request)
        return -risen, user + held.get(request.user, 0), build, request.asked, request.id

    return min(may, key=order)
