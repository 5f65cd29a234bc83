"""Work side by side: results in order, every failure told."""

from __future__ import annotations

import threading

import pytest
from deploykit.base.errors import CommandFailed, DeployKitError, InputError, NodeUnreachable
from deploykit.base.parallel import in_parallel
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.integers()), st.integers(1, 9))
def test_results_come_in_the_order_of_the_things(things: list[int], at_once: int) -> None:
    assert in_parallel(things, lambda n: n * 2, at_once) == [n * 2 for n in things]


@given(st.sets(st.integers(0, 9), min_size=1))
def test_every_failure_is_told_and_the_rest_is_done(bad: set[int]) -> None:
    done: list[int] = []

    def work(n: int) -> None:
        if n in bad:
            raise NodeUnreachable(f"node {n} is away", f"look at {n}")
        done.append(n)

    with pytest.raises(NodeUnreachable) as caught:
        in_parallel(range(10), work, at_once=3)
    assert caught.value.message.splitlines() == [f"node {n} is away" for n in sorted(bad)]
    assert caught.value.remedy.splitlines() == [f"look at {n}" for n in sorted(bad)]
    assert sorted(done) == sorted(set(range(10)) - bad)


def test_remedy_that_all_share_is_told_once() -> None:
    def work(n: int) -> None:
        raise CommandFailed(f"{n} failed", "deploy-kit doctor")

    with pytest.raises(CommandFailed) as caught:
        in_parallel([1, 2], work)
    assert caught.value.remedy == "deploy-kit doctor"


def test_failures_of_several_kinds_are_one_of_what_they_have_in_common() -> None:
    class WithMore(DeployKitError):
        def __init__(self, message: str, more: int) -> None:
            super().__init__(message)

    errors: list[Exception] = [
        InputError("bad"),
        OSError(28, "No space left", "/x"),
        WithMore("w", 1),
    ]

    def work(error: Exception) -> None:
        raise error

    with pytest.raises(DeployKitError) as caught:
        in_parallel(errors, work)
    assert type(caught.value) is DeployKitError
    assert caught.value.message == "bad\n/x: No space left\nw"


def test_single_failure_is_raised_as_it_is() -> None:
    error = OSError(28, "No space left")

    def work(_: int) -> None:
        raise error

    with pytest.raises(OSError) as caught:
        in_parallel([1], work)
    assert caught.value is error


def test_bug_is_raised_itself_with_the_others_beside() -> None:
    def work(n: int) -> None:
        raise DeployKitError("refused") if n else KeyError("bug")

    with pytest.raises(KeyError) as caught:
        in_parallel([0, 1], work)
    assert caught.value.__notes__ == ["also failed: refused"]


def test_no_more_than_asked_for_run_at_once() -> None:
    lock, running, most = threading.Lock(), 0, 0

    def work(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1

    in_parallel(range(40), work, at_once=2)
    assert most <= 2


def test_two_wait_for_each_other_if_all_run_at_once() -> None:
    barrier = threading.Barrier(5)
    in_parallel(range(5), lambda _: barrier.wait(timeout=10))
