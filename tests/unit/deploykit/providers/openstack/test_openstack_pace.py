"""How many requests a cloud bears: the rules of the pace, and a cloud that is served by it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

import pytest
from deploykit.base.parallel import in_parallel
from deploykit.providers.openstack.pace import (
    FIRST,
    LEAST,
    LONGEST_PAUSE,
    MOST,
    Answer,
    Ended,
    Pace,
    after,
    wait_before,
)
from deploykit.providers.openstack.pacer import Pacer
from hypothesis import given
from hypothesis import strategies as st

SECONDS = st.floats(0.0, 200.0)
ANSWERS = st.tuples(SECONDS, SECONDS, st.sampled_from(Answer), st.floats(0.0, 10_000.0))


def endings(told: Iterable[tuple[float, float, Answer, float]]) -> list[Ended]:
    """Requests in the order of their answers; each was sent so long before."""
    now, found = 0.0, []
    for gap, took, answer, retry_after in told:
        now += gap
        found.append(Ended(now - took, now, answer, retry_after))
    return found


@given(st.lists(ANSWERS, max_size=60))
def test_pace_never_stops_for_good_nor_goes_past_the_most(
    told: list[tuple[float, float, Answer, float]],
) -> None:
    pace = Pace()
    for ended in endings(told):
        before, pace = pace, after(pace, ended)
        assert LEAST <= pace.limit <= MOST
        assert pace.rest_until <= max(before.rest_until, ended.answered + LONGEST_PAUSE)
        assert wait_before(pace, 0, pace.rest_until) == 0.0
        if ended.answer is not Answer.GOOD:
            assert pace.limit <= before.limit
            assert pace.rest_until >= before.rest_until


@given(st.lists(ANSWERS, max_size=30), st.integers(1, 10))
def test_refusals_of_one_burst_count_once(
    told: list[tuple[float, float, Answer, float]], burst: int
) -> None:
    pace = Pace()
    for ended in endings(told):
        pace = after(pace, ended)
    now = sum(gap for gap, *_ in told) + 1.0
    sent = max(now, pace.lowered_at)
    once = after(pace, Ended(sent, sent + 1.0, Answer.BUSY))
    many = once
    for _ in range(burst):
        many = after(many, Ended(sent, sent + 1.5, Answer.BUSY))
    assert (many.limit, many.refused) == (once.limit, once.refused)
    assert once.limit == max(LEAST, pace.limit / 2)


@given(st.lists(ANSWERS, max_size=30))
def test_cloud_that_answers_in_time_again_is_asked_for_the_most_again(
    told: list[tuple[float, float, Answer, float]],
) -> None:
    pace = Pace()
    for ended in endings(told):
        pace = after(pace, ended)
    now = max(pace.lowered_at, pace.rest_until, 0.0) + 1.0
    for _ in range(int(MOST * MOST)):
        pace = after(pace, Ended(now, now + 0.01, Answer.GOOD))
        now += 1.0
    assert pace.limit == MOST and pace.refused == 0


@pytest.mark.parametrize(("limit", "under_way", "wait"), [(1.9, 0, 0.0), (1.9, 1, None), (2, 1, 0)])
def test_request_waits_until_one_ended_where_the_limit_is_reached(
    limit: float, under_way: int, wait: float | None
) -> None:
    assert wait_before(Pace(limit=limit), under_way, 5.0) == wait


def test_pauses_double_and_what_the_cloud_asks_for_is_kept() -> None:
    pace, now, pauses = Pace(), 0.0, []
    for _ in range(9):
        pace = after(pace, Ended(now, now, Answer.NONE))
        pauses.append(pace.rest_until - now)
        now = pace.rest_until
    assert pauses[:4] == [1.0, 2.0, 4.0, 8.0] and pauses[-1] == LONGEST_PAUSE
    assert after(Pace(), Ended(0.0, 0.0, Answer.BUSY, retry_after=17.0)).rest_until == 17.0


def test_answer_that_takes_much_longer_than_the_fastest_lowers_the_pace() -> None:
    pace = after(Pace(), Ended(0.0, 1.0, Answer.GOOD))
    assert pace.limit > FIRST
    assert after(pace, Ended(2.0, 6.0, Answer.GOOD)).limit < pace.limit
    assert after(pace, Ended(2.0, 3.9, Answer.GOOD)).limit > pace.limit


@pytest.mark.parametrize("workers", [1, 2, 6])
def test_cloud_of_few_workers_is_never_asked_for_more_than_it_bears_for_long(workers: int) -> None:
    """Each takes 3 s for a request, as nova-api was seen to; more wait their turn in a queue."""
    pace, now = Pace(), 0.0
    queue: list[tuple[float, float]] = []  # sent, answered
    free = [0.0] * workers
    waited, under_way = [], []
    for _ in range(600):
        while wait_before(pace, len(queue), now) == 0.0:
            free.sort()
            begins = max(now, free[0])
            free[0] = begins + 3.0
            queue.append((now, free[0]))
        under_way.append(len(queue))
        queue.sort(key=lambda one: one[1])
        sent, now = queue.pop(0)
        waited.append(now - sent)
        pace = after(pace, Ended(sent, now, Answer.GOOD))
    late = sorted(waited[100:])
    assert late[int(len(late) * 0.95)] <= 3.0 * 4
    assert sum(under_way[100:]) / 500 >= min(workers, MOST) * 0.9  # no worker is idle for long


def test_callers_wait_for_their_turn_and_no_more_are_under_way_than_may_be() -> None:
    limits: list[float] = []
    pacer = Pacer(on_change=lambda pace: limits.append(pace.limit))
    under_way, most, lock = [0], [0], threading.Lock()

    def ask(number: int) -> None:
        with pacer.turn() as turn:
            with lock:
                under_way[0] += 1
                most[0] = max(most[0], under_way[0])
                assert under_way[0] <= max([FIRST, *limits])
            time.sleep(0.01)
            turn.ended(Answer.GOOD)
            with lock:
                under_way[0] -= 1

    in_parallel(range(40), ask, 16)
    assert len(limits) == 40 and FIRST < most[0] <= MOST


def test_request_that_ended_in_an_error_gives_its_turn_back_and_counts_as_none_answered() -> None:
    found: list[Pace] = []
    pacer = Pacer(clock=lambda: 0.0, on_change=found.append)
    with pytest.raises(OSError), pacer.turn():
        raise OSError
    assert (found[0].refused, found[0].limit) == (1, FIRST / 2)
