"""What a decision of the pools takes of the processor, with 10,000 hosts and a million pods a day.

The same scheduler and queue as a server's, hosts that pretend, by a clock that costs no time.
Prints the table of docs/benchmarks.md. With a number: so many hosts, and pods in proportion.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from deploykit.pools import HostSpec, State, UserSpec
from poolsim import GIB, World, config, pool

HOSTS, POOLS, USERS = 10_000, 20, 50
PODS_A_DAY = 1_000_000
HELD = 1500.0  # seconds that one is held: some 17,000 are at a time
DAY = 86400.0
WARM_UP, MEASURED = 900, 300  # seconds of the world
STEP = 0.5  # seconds between two decisions


def main(words: list[str]) -> None:
    hosts = int(words[0]) if words else HOSTS
    pods_a_day = PODS_A_DAY * hosts // HOSTS
    world = big_world(hosts, pods_a_day)
    run(world, WARM_UP, pods_a_day, [])
    world.check()
    times: list[float] = []
    gc.freeze()
    before = len(world.granted)
    run(world, MEASURED, pods_a_day, times)
    world.check()
    given = len(world.granted) - before
    waited = sorted(waited for _, waited in list(world.granted.values())[before:])
    held = sum(m.state is State.HELD for m in world.members.values())
    times.sort()
    print("| hosts | pods a day | held at once | decisions | median, ms | p99, ms | longest, ms "
          "| p95 of waiting, s |")  # fmt: skip
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    figures = (statistics.median(times), times[int(len(times) * 0.99)], times[-1])
    print(f"| {hosts:,} | {given * DAY / MEASURED:,.0f} | {held:,} | {len(times):,} | "
          + " | ".join(f"{1000 * one:.2f}" for one in figures)
          + f" | {waited[int(len(waited) * 0.95)]:.1f} |")  # fmt: skip


def big_world(hosts: int, pods_a_day: int) -> World:
    """Pools that overlap on hosts of 16 GiB; every third prefers its own part of them."""
    specs = [HostSpec(f"h{n:05}", "fake", pods=16, starts=4, memory=16 * GIB) for n in range(hosts)]
    names = [spec.name for spec in specs]
    ready = max(2, pods_a_day // POOLS // 600)
    pools = []
    for n in range(POOLS):
        own = names[n * hosts // POOLS : (n + 1) * hosts // POOLS]
        tiers = (own, names) if n % 3 == 0 else (names,)
        pools.append(pool(f"pool{n}", *tiers, memory=(1 + n % 3) * GIB, ready=ready, max=10**6))
    return World(config(pools, specs, default=UserSpec(10**6)), make_seconds=(15.0, 60.0))


def run(world: World, seconds: int, pods_a_day: int, times: list[float]) -> None:
    """So many seconds of the world; each decision's time is added to `times`."""
    decide, rate = world.decide, pods_a_day / DAY * STEP
    owed, looked = 0.0, 0

    def timed() -> int:
        began = time.thread_time()  # of the processor: others may use it meanwhile
        done = decide()
        times.append(time.thread_time() - began)
        return done

    world.decide = timed  # type: ignore[method-assign]
    hosts = list(world.hosts)
    for _ in range(int(seconds / STEP)):
        owed += rate
        while owed >= 1:
            owed -= 1
            user = f"u{world.random.randrange(USERS)}"
            request = world.ask(user, f"pool{world.random.randrange(POOLS)}", wanted=DAY)
            world.later(world.random.uniform(0.5, 1.5) * HELD, "release", request.id)
        for name in hosts[looked : looked + len(hosts) // 20]:  # each every ten seconds
            world.report(name)
        looked = (looked + len(hosts) // 20) % len(hosts)
        world.step(STEP)
    world.decide = decide  # type: ignore[method-assign]


if __name__ == "__main__":
    main(sys.argv[1:])
