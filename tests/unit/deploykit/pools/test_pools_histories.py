"""Random histories of pools: what must be true at any time, and that everybody gets their turn."""

from __future__ import annotations

from dataclasses import replace

from deploykit.pools import HostSpec, State, UserSpec
from deploykit.pools import transitions as become
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from poolsim import GIB, World, config, pool

USERS = ("ada", "bob", "gate")
POOLS = ("small", "large", "other")
HOSTS = ("one", "two")

acts = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from(USERS), st.sampled_from(POOLS),
              st.sampled_from(("", "b1", "b2")), st.integers(-2, 5), st.booleans()),
    st.tuples(st.just("pass"), st.sampled_from((1, 20, 70, 400, 4000))),
    st.tuples(st.just("release"), st.integers(0, 30)),
    st.tuples(st.just("renew"), st.integers(0, 30)),
    st.tuples(st.just("die"), st.integers(0, 30)),
    st.tuples(st.just("keep"), st.integers(0, 30)),
    st.tuples(st.just("protect"), st.integers(0, 30), st.booleans()),
    st.tuples(st.just("sick"), st.integers(0, 30)),
    st.tuples(st.just("host"), st.sampled_from(HOSTS), st.sampled_from(("up", "down"))),
    st.tuples(st.just("fails"), st.sampled_from(HOSTS), st.booleans()),
    st.tuples(st.just("lies"), st.sampled_from(HOSTS), st.sampled_from((-8, 0, 30))),
    st.tuples(st.just("target"), st.sampled_from(POOLS), st.sampled_from(("r1", "r2"))),
    st.tuples(st.just("drain"), st.sampled_from(POOLS), st.booleans()),
    st.tuples(st.just("jump"), st.sampled_from((-7200.0, 7200.0))),
    st.tuples(st.just("restart")),
)  # fmt: skip


def new_world(seed: int) -> World:
    """Two hosts, of which the second is the last resort; one pool's pods fill half of one."""
    hosts = [
        HostSpec("one", "fake", pods=5, starts=3, memory=6 * GIB),
        HostSpec("two", "fake", pods=4, starts=2, memory=5 * GIB),
    ]
    pools = [
        pool("small", HOSTS, ready=2, max=5, max_age=3600.0, longest=3600.0),
        pool("large", ("one",), ("two",), memory=4 * GIB, ready=0, max=2, longest=3600.0),
        pool("other", ("two",), ready=2, max=3, max_age=3600.0, longest=3600.0),
    ]
    return World(config(pools, hosts, default=UserSpec(3), gate=UserSpec(4, 3)), seed)


def act(world: World, what: str, *words: object) -> None:
    """One thing that happens."""
    members = list(world.members.values())
    number = words[0] if words and isinstance(words[0], int) else 0
    member = members[number % len(members)] if members else None
    held = member is not None and member.state is State.HELD
    if what == "ask":
        user, name, build, priority, leased = words
        world.ask(user, name, build=build, priority=priority, lease=600.0 if leased else 0.0)
    elif what == "pass":
        seconds = words[0]
        for _ in range(20):
            world.step(seconds / 20)
        world.look_at_hosts()
    elif what == "host":
        world.hosts[words[0]].up = words[1] == "up"
    elif what == "fails":
        world.hosts[words[0]].fails = words[1]
    elif what == "lies":
        world.hosts[words[0]].lies = words[1] * GIB
    elif what in ("target", "drain"):
        key = {"target": "target", "drain": "drained"}[what]
        world.pool_facts[words[0]] = replace(world.pool_facts[words[0]], **{key: words[1]})
        world.scheduler.note_pool(world.pool_facts[words[0]])
    elif what == "jump":
        world.now += words[0]
    elif what == "restart":
        world.restart()
    elif held and what == "release":
        world.release(member.request)
    elif held and what == "renew":
        world.put(become.renewed(member, 600.0, world.now))
    elif held and what == "die":
        world.put(replace(member, gone=True))
    elif held and what == "keep":
        world.put(become.kept(member, world.now + 1800))
    elif what == "sick" and member is not None and member.state is State.READY:
        world.put(replace(member, sick=True))
    elif what == "protect" and member is not None and member.state in (State.READY, State.HELD):
        world.put(replace(member, protected="look at it" if words[1] else ""))


def heal(world: World) -> None:
    """All that was broken is mended, and nobody asks any more."""
    for host in world.hosts.values():
        host.up, host.fails, host.lies, host.retry_at, host.failures = True, False, 0, 0.0, 0
    for name, facts in world.pool_facts.items():
        world.pool_facts[name] = replace(facts, drained=False)
        world.scheduler.note_pool(world.pool_facts[name])
    for member in list(world.members.values()):
        if member.protected:
            world.put(replace(member, protected=""))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(acts, max_size=40), st.integers(0, 1000))
def test_whatever_happens_bounds_hold_and_everybody_has_a_pod_in_the_end(
    history: list[tuple[object, ...]], seed: int
) -> None:
    world = new_world(seed)
    for what, *words in history:
        protected = {m.name for m in world.members.values() if m.protected}
        act(world, what, *words)
        world.step(1.0)
        world.check()
        gone = {name for name in protected if name not in world.members}
        assert not gone, "never a protected thing gone"
    heal(world)
    for _ in range(4000):
        world.step(15.0)
        world.look_at_hosts()
        if not any(world.waiting.values()):
            break
    world.check()
    assert not any(world.waiting.values()), "nobody waits for ever"


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_pools_that_are_left_alone_keep_what_they_are_to_keep(seed: int) -> None:
    world = new_world(seed)
    for _ in range(40):
        world.step(15.0)
        world.look_at_hosts()
    for name, wanted in (("small", 2), ("large", 0), ("other", 2)):
        assert len(world.ready[name]) == wanted
