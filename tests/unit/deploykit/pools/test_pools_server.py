"""Pools kept by servers: made ahead, given, taken back, made anew, whoever is killed meanwhile."""

from __future__ import annotations

import json
import multiprocessing
import threading
from dataclasses import replace

import pytest
from deploykit.base.errors import InputError, Refused
from deploykit.base.processes import this_process
from deploykit.pools import State
from deploykit.pools.desk import GivenUp, Wish
from deploykit.pools.store import Store
from poolhands import Hands, PoolHouse, names, race


def filled(house: PoolHouse, ready: int = 2) -> None:
    """Rounds of a new server until so many are ready; then it is gone."""
    server = house.server()
    house.rounds(server, lambda: house.states() == {"ready": ready})
    server.deciding.resign()


def test_pods_are_there_before_anybody_asks_and_one_that_is_taken_is_replaced(
    house_of_both: PoolHouse,
) -> None:
    house, server = house_of_both, house_of_both.server()
    house.rounds(server, lambda: house.states() == {"ready": 2})
    _, pod = house.ask(purpose="look", build="b1", change="17")
    assert pod is not None
    assert (pod.state, pod.user, pod.purpose, pod.build, pod.change) == (
        State.HELD, "ada", "look", "b1", "17"
    )  # fmt: skip
    assert pod.until == house.now + 3600
    house.rounds(server, lambda: house.states() == {"ready": 2, "held": 1})
    house.rounds(server, lambda: house.hands.there[pod.instance].pod.wanted.user == "ada")
    house.desk.release(pod.name)
    house.rounds(server, lambda: house.states() == {"ready": 2})
    assert pod.instance not in house.hands.there
    assert pod.instance not in {one.instance for one in house.members()}, "never cleaned"


def test_those_who_wait_are_served_in_turn_and_nobody_beyond_their_bound(
    house_of_both: PoolHouse,
) -> None:
    house, server = house_of_both, house_of_both.server()
    asked = []
    for user in ("ada",) * 5 + ("bob",):
        asked.append(house.ask(user))
        house.pass_by(1)
    assert [pod for _, pod in asked] == [None] * 6
    house.rounds(server, lambda: house.states() == {"held": 4})
    held = [one.user for one in house.members(State.HELD)]
    assert sorted(held) == ["ada", "ada", "ada", "bob"]
    served = [request for request, _ in asked if house.desk.look(request) is not None]
    assert served == [asked[n][0] for n in (0, 1, 2, 5)]
    with house.desk.store.reading() as state:
        assert [one.user for one in state.requests()] == ["ada", "ada"]


def test_lease_that_is_not_renewed_ends_and_one_that_is_does_not(house_of_both: PoolHouse) -> None:
    house, server = house_of_both, house_of_both.server()
    house.rounds(server, lambda: house.states() == {"ready": 2})
    pods = [house.ask(lease=600.0)[1] for _ in range(2)]
    assert pods[0] is not None and pods[1] is not None
    for _ in range(6):
        house.pass_by(150)
        server.round()
        house.desk.renew(pods[1].name)
    house.rounds(server, lambda: names(house.members(State.HELD)) == [pods[1].name])
    house.pass_by(3600)
    house.rounds(server, lambda: house.states() == {"ready": 2})


def test_pod_of_a_holder_that_died_goes_at_once_unless_a_person_keeps_it(pools: PoolHouse) -> None:
    server = pools.server()
    pools.rounds(server, lambda: pools.states() == {"ready": 2})
    dead = json.dumps(replace(this_process(), pid=2**22 - 1).as_json())
    _, first = pools.ask(lease=600.0, holder=dead)
    _, kept = pools.ask(lease=600.0, holder=dead)
    assert first is not None and kept is not None
    pools.desk.keep(kept.name, pools.now + 1800)
    pools.rounds(server, lambda: names(pools.members(State.HELD)) == [kept.name], seconds=0.1)
    pools.desk.release(kept.name)
    assert names(pools.members(State.HELD)) == [kept.name]
    pools.pass_by(1900)
    pools.rounds(server, lambda: pools.states() == {"ready": 2})


def test_living_holder_keeps_its_pod(pools: PoolHouse) -> None:
    server = pools.server()
    pools.rounds(server, lambda: pools.states() == {"ready": 2})
    pools.ask(lease=600.0, holder=json.dumps(this_process().as_json()))
    for _ in range(20):
        server.round()
        pools.pass_by(1)
    assert pools.states()["held"] == 1


def test_two_servers_and_many_who_ask_at_once_give_no_pod_twice(house_of_both: PoolHouse) -> None:
    house = house_of_both
    servers = [house.server(), house.server()]
    over, given, errors = threading.Event(), [], []

    def serve(n: int) -> None:
        try:
            while not over.wait(0.02):
                servers[n].round()
        except Exception as error:
            errors.append(error)

    def ask(n: int) -> None:
        try:
            desk = house.new_desk()
            request, pod = desk.ask(Wish("small", f"user {n}", "try", 3600.0))
            while pod is None and not over.wait(0.05):
                pod = desk.look(request)
            if pod is not None:
                given.append(pod.name)
                desk.release(pod.name)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=serve, args=(n,)) for n in range(2)]
    asking = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in (*threads, *asking):
        thread.start()
    for thread in asking:
        thread.join(60)
    over.set()
    for thread in threads:
        thread.join(20)
    assert errors == []
    assert len(given) == len(set(given)) == 8
    assert len(house.hands.made) == len(set(house.hands.made)), "one pod is made by one server"


def test_pod_of_a_server_that_was_killed_is_made_anew_by_the_next(house_of_both: PoolHouse) -> None:
    house = house_of_both
    stuck = Hands()
    stuck.go_on.clear()
    first = house.server(stuck)
    house.rounds(first, lambda: len(first.hosts.busy()) == 2)
    lost = names(house.members())
    second = house.server()  # the first says nothing any more
    house.rounds(second, lambda: house.states() == {"ready": 2}, seconds=10)
    assert not set(lost) & set(names(house.members()))
    stuck.go_on.set()
    first.hosts.end()
    assert house.states() == {"ready": 2}, "what came late is nobody's"


def test_pool_whose_pods_all_fail_is_tried_ever_more_rarely_and_says_why(pools: PoolHouse) -> None:
    pools.hands.fail, pools.hands.half_made = "no space left in the pool", True
    server, tries = pools.server(), 0
    for _ in range(200):
        before = len(pools.said)
        server.round()
        server.hosts._work._threads.submit(lambda: None).result(5)
        pools.pass_by(10)
        tries += len(pools.said) - before
    assert 3 <= tries <= 10, "the cloud does not burn"
    assert any("no space left in the pool" in line for line in pools.said)
    with pools.desk.store.reading() as state:
        row = state.pool("small")
    assert row.trouble == "no space left in the pool"
    pools.hands.fail = ""
    pools.rounds(server, lambda: pools.states() == {"ready": 2}, seconds=60)
    assert len(pools.hands.there) == 2, "what was half made went"


def test_pod_that_cannot_be_taken_away_is_not_forgotten(pools: PoolHouse) -> None:
    filled(pools)
    _, pod = pools.ask()
    assert pod is not None
    pools.hands.stay = "the storage is busy"
    pools.desk.release(pod.name)
    server = pools.server()
    for _ in range(60):
        server.round()
        pools.pass_by(5)
    assert names(pools.members(State.LEAVING)) == [pod.name]
    assert any("the storage is busy" in line for line in pools.said)
    pools.hands.stay = ""
    pools.rounds(server, lambda: pools.states() == {"ready": 2}, seconds=5)


def test_pod_that_is_not_well_or_too_old_is_replaced(pools: PoolHouse) -> None:
    server = pools.server()
    pools.rounds(server, lambda: pools.states() == {"ready": 2})
    first, second = pools.members()
    pools.hands.sick.add(first.instance)
    pools.rounds(
        server, lambda: first.name not in names(pools.members()) and len(pools.members()) == 2,
        seconds=30,
    )  # fmt: skip
    pools.pass_by(86400)
    pools.rounds(
        server, lambda: second.name not in names(pools.members()) and len(pools.members()) == 2,
        seconds=30,
    )  # fmt: skip


def test_pods_are_replaced_one_after_the_other_when_the_release_is_another(
    pools: PoolHouse,
) -> None:
    server = pools.server()
    pools.rounds(server, lambda: pools.states() == {"ready": 2})
    pools.rounds(server, lambda: all(one.target in ("", "r1") for one in pools.members()))
    pools.hands.targets, least = "r2", []

    def is_new() -> bool:
        least.append(pools.states().get("ready", 0))
        return [one.target for one in pools.members()] == ["r2", "r2"]

    pools.rounds(server, is_new, seconds=5)
    assert min(least) >= 2, "as many are ready all the while"


def test_what_is_protected_stays_whatever_happens(house_of_both: PoolHouse) -> None:
    house, server = house_of_both, house_of_both.server()
    house.rounds(server, lambda: house.states() == {"ready": 2})
    _, pod = house.ask()
    assert pod is not None
    house.desk.protect(pod.name, "a crash to look at")
    house.pass_by(100_000)
    for _ in range(10):
        server.round()
        house.pass_by(10)
    assert names(house.members(State.HELD)) == [pod.name]
    with pytest.raises(Refused, match="a crash to look at"):
        house.desk.discard([pod.name], "dropped")
    house.desk.release(pod.name)
    assert names(house.members(State.HELD)) == [pod.name]
    house.desk.protect(pod.name, "")
    house.rounds(server, lambda: pod.name not in names(house.members()))


def test_leak_goes_once_it_was_seen_twice_and_what_somebody_has_is_taken_in(
    pools: PoolHouse,
) -> None:
    """The state was lost: the tags tell."""
    filled(pools)
    pools.hands.put("test~pod-wleak", "small")
    pools.hands.put("test~pod-wmine", "small", user="ada", purpose="look")
    server = pools.server()
    for _ in range(4):
        server.round()
        pools.pass_by(20)
    assert "test~pod-wleak" in pools.hands.there, "once is not enough"
    pools.rounds(server, lambda: "test~pod-wleak" not in pools.hands.there, seconds=20)
    (mine,) = pools.members(State.HELD)
    assert (mine.name, mine.user, mine.purpose) == ("wmine", "ada", "look")
    assert any("nobody knew it" in line for line in pools.said)


def test_pod_that_somebody_took_away_by_hand_is_replaced(pools: PoolHouse) -> None:
    server = pools.server()
    pools.rounds(server, lambda: pools.states() == {"ready": 2})
    del pools.hands.there[pools.members()[0].instance]
    _, held = pools.ask()
    assert held is not None
    pools.hands.there.pop(held.instance, None)
    pools.rounds(
        server, lambda: pools.states() == {"ready": 2} and len(pools.hands.there) == 2, seconds=30
    )


def test_drained_pool_gives_none_and_keeps_only_what_people_hold(pools: PoolHouse) -> None:
    server = pools.server()
    pools.rounds(server, lambda: pools.states() == {"ready": 2})
    pools.ask()
    pools.desk.drain("small", True)
    pools.rounds(server, lambda: pools.states() == {"held": 1})
    with pytest.raises(Refused, match="drained"):
        pools.ask("bob")
    pools.desk.drain("small", False)
    pools.rounds(server, lambda: pools.states() == {"held": 1, "ready": 2})


def test_who_says_nothing_does_not_wait_any_more(pools: PoolHouse) -> None:
    server = pools.server()
    pools.hands.fail = "no"
    silent, _ = pools.ask("ada")
    patient, _ = pools.ask("bob")
    for _ in range(12):
        pools.pass_by(10)
        pools.desk.look(patient)
        server.round()
    with pytest.raises(GivenUp):
        pools.desk.look(silent)
    assert pools.desk.look(patient) is None


def test_clock_that_jumps_ahead_takes_nothing_from_those_who_are_alive(pools: PoolHouse) -> None:
    server = pools.server()
    pools.rounds(server, lambda: pools.states() == {"ready": 2})
    _, pod = pools.ask(lease=600.0)
    assert pod is not None
    server.round()
    pools.now += 7200  # the steady clock knows nothing of it
    for _ in range(5):
        server.round()
        pools.pass_by(10)
    assert names(pools.members(State.HELD)) == [pod.name]
    pools.desk.renew(pod.name)


def test_state_that_is_away_is_waited_for(pools: PoolHouse, tmp_path) -> None:
    server = pools.server()
    pools.rounds(server, lambda: pools.states() == {"ready": 2})
    good = server.deciding._store
    away = Store(f"sqlite:///{tmp_path}/other.sqlite")
    away._engine.dispose()
    (tmp_path / "other.sqlite").unlink()
    (tmp_path / "other.sqlite").mkdir()
    server.deciding._store = away
    rounds = iter(range(10))

    def until() -> bool:
        if next(rounds) == 3:
            server.deciding._store = good
        return next(iter(pools.said[-1:]), "") == "the state is back"

    server.run(until)
    assert [line[:8] for line in pools.said] == ["waiting:", "the stat"]


def test_other_peoples_pods_are_not_given_back_by_who_has_no_part_in_them(pools: PoolHouse) -> None:
    filled(pools)
    _, pod = pools.ask("ada")
    assert pod is not None
    with pytest.raises(InputError, match="is ada's"):
        pools.desk.release(pod.name, "bob")
    with pytest.raises(InputError, match="no pool has a pod 'nothing'"):
        pools.desk.release("nothing")
    with pytest.raises(InputError, match="there is no pool 'smal'"):
        pools.ask(pool="smal")


def test_processes_that_ask_at_once_never_get_the_same_pod(
    house_of_both: PoolHouse, tmp_path
) -> None:
    house = house_of_both
    filled(house)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    folders = [tmp_path / str(n) for n in range(3)]
    for folder in folders:
        folder.mkdir()
    children = [
        context.Process(target=race, args=(house.url, str(folder), 10, results))
        for folder in folders
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
        assert child.exitcode == 0
    got = []
    while not results.empty():
        got.append(results.get())
    assert len(got) == len(set(got)) == 2
