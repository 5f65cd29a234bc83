"""Having a pod of a pool: waiting for it, and saying that it is wanted as long as a block runs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from deploykit.base.errors import Refused
from deploykit.pools import Member, State
from deploykit.pools.desk import Desk, GivenUp, Wish
from deploykit.pools.leasing import RENEWED, wanted
from deploykit.pools.store import StateAway

ASK_AGAIN = 0.3  # seconds


def reserve(desk: Desk, wish: Wish, patience: float | None, told: Callable[[], None]) -> Member:
    """A pod for `wish`, waited for at most `patience` seconds (None: as long as it takes).

    `told` is called once, when it has to be waited for. Raises Refused when the time is over; then,
    and whenever this is interrupted, nothing is waited for or held any more. Raises as `Desk.ask`.
    """
    request, pod = desk.ask(wish)
    try:
        return pod if pod is not None else _wait(desk, request, wish, patience, told)
    except BaseException:
        with contextlib.suppress(StateAway):  # nobody hears of it for a minute, then it is dropped
            desk.withdraw(request)
        raise


def _wait(
    desk: Desk, request: str, wish: Wish, patience: float | None, told: Callable[[], None]
) -> Member:
    end = None if patience is None else time.monotonic() + patience
    if patience != 0:
        told()
    while True:
        if end is not None and time.monotonic() >= end:
            raise Refused(
                f"no pod of {wish.pool} was free within {patience:.0f} s",
                "deploy-kit pool status says who has them and who waits",
            )
        time.sleep(ASK_AGAIN)
        with contextlib.suppress(StateAway):  # asked again, like everything else
            pod = desk.look(request)
            if pod is not None:
                if pod.state is not State.HELD:
                    raise GivenUp(f"{pod.instance} is {pod.state} again: {pod.why}", "ask anew")
                return pod


@contextlib.contextmanager
def holding(desk: Desk, pod: Member, every: float = RENEWED) -> Iterator[None]:
    """While the block runs, `pod` is wanted; then it is given back, unless a person keeps it."""
    with wanted(lambda: desk.renew(pod.name), lambda: desk.release(pod.name), every):
        yield
