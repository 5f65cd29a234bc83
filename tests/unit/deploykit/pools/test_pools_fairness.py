"""Whose turn it is: priorities, users, builds."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict

from deploykit.pools import HostSpec, Request, UserSpec
from deploykit.pools.desk import read_turns, write_turns
from deploykit.pools.fairness import AGING, Turns, next_request, startable
from poolsim import GIB, World, config, pool

ANYBODY = config([pool("small", ("one",))], [], default=UserSpec(1000), few=UserSpec(1))


def asked(*who: str, start: float = 0.0, priority: int = 0) -> list[Request]:
    """Requests of users (user/build), a second apart."""
    return [
        Request(f"{n:03}", "small", name.partition("/")[0], "try", start + n, start + n, 60.0,
                build=name.partition("/")[2], priority=priority)
        for n, name in enumerate(who)
    ]  # fmt: skip


def order(requests: list[Request], now: float = 100.0) -> list[str]:
    """Who gets a pod, one after the other, when each gives it back at once."""
    turns, waiting, got = Turns(), [], []
    for request in requests:
        turns.come(request, waiting)
        waiting.append(request)
    while (request := next_request(waiting, {}, turns, ANYBODY, now)) is not None:
        waiting.remove(request)
        turns.grant(request, waiting)
        turns = read_turns(write_turns(turns))
        got.append(f"{request.user}/{request.build}".rstrip("/"))
    return got


def test_users_take_turns_whoever_asks_most() -> None:
    assert order(asked("ada", "ada", "ada", "ada", "bob", "bob")) == [
        "ada", "bob", "ada", "bob", "ada", "ada"
    ]  # fmt: skip


def test_builds_of_a_user_take_turns_and_are_one_user_to_others() -> None:
    assert order(asked("ada/1", "ada/1", "ada/1", "ada/2", "bob/9", "bob/9")) == [
        "ada/1", "bob/9", "ada/2", "bob/9", "ada/1", "ada/1"
    ]  # fmt: skip


def test_higher_priority_goes_first_until_the_other_has_waited() -> None:
    low, high = asked("ada")[0], asked("gate", start=50.0, priority=2)[0]
    high = Request("999", "small", "gate", "try", 50.0, 50.0, 60.0, priority=2)
    assert order([low, high], now=60.0) == ["gate", "ada"]
    assert order([low, high], now=2 * AGING + 1) == ["ada", "gate"]


def test_who_holds_pods_stands_as_many_places_back() -> None:
    turns, requests = Turns(), asked("ada", "bob")
    assert next_request(requests, {"ada": 2}, turns, ANYBODY, 10.0).user == "bob"


def test_nobody_gets_more_than_they_may_and_no_more_are_counted() -> None:
    requests = asked("few", "few", "few", "ada")
    assert [one.user for one in startable(requests, {}, ANYBODY)] == ["few", "ada"]
    assert [one.user for one in startable(requests, {"few": 1}, ANYBODY)] == ["ada"]
    assert next_request(requests[:3], {"few": 1}, Turns(), ANYBODY, 10.0) is None


def test_no_users_median_wait_is_more_than_twice_anothers() -> None:
    """Ten clients, one of whom asks for ten times as much, on two hosts that are short."""
    hosts = [HostSpec(name, "fake", pods=6, starts=6, memory=6 * GIB) for name in ("one", "two")]
    world = World(config([pool("small", ("one", "two"), ready=2, max=12)], hosts,
                         default=UserSpec(12)), seed=3)  # fmt: skip
    waits: dict[str, list[float]] = defaultdict(list)
    users = {}
    for second in range(6000):
        if second % 40 == 0:
            for n in range(10):
                for _ in range(10 if n == 0 and second % 400 == 0 else 1):
                    users[world.ask(f"u{n}", "small").id] = f"u{n}"
        for id, (_, waited) in list(world.granted.items()):
            if id in users:
                waits[users.pop(id)].append(waited)
                world.later(60.0, "release", id)
        world.step(1.0)
        if second % 10 == 0:
            world.look_at_hosts()
    world.check()
    medians = [statistics.median(waits[f"u{n}"]) for n in range(1, 10)]
    assert Counter(len(one) > 50 for one in waits.values())[True] == 10
    assert max(medians) <= 2 * min(medians)
