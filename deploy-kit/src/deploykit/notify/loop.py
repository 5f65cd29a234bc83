"""`deploy-kit notify run` and `once`: the ledger is followed, and each sink told beside others."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from deploykit.base.errors import DeployKitError
from deploykit.base.parallel import in_parallel
from deploykit.base.times import utc_now
from deploykit.ledger import Ledger
from deploykit.notify.delivery import Delivery
from deploykit.notify.news import News, news_of, with_more
from deploykit.notify.state import first_fresh

AWAY_MOST = 300.0  # seconds before a ledger that is away is looked for again
ENDING = 5.0  # seconds for what is being sent when all shall end


def tell_once(ledger: Ledger, deliveries: Sequence[Delivery], runnable: Collection[str]) -> bool:
    """Tell each sink once what waits for it; returns whether nothing is left."""
    news = _first_news(ledger, deliveries, runnable)
    return all(in_parallel(deliveries, lambda delivery: delivery.deliver(news)))


def follow(
    ledger: Ledger,
    deliveries: Sequence[Delivery],
    runnable: Collection[str],
    say: Callable[[str], None],
    *,
    every: float,
    until: Callable[[], bool] = lambda: False,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Tell the sinks what comes, looking `every` seconds, until `until()` or an interruption.

    A ledger that is away is waited for, and `say` told so once.
    """
    news, pause, known = _first_news(ledger, deliveries, runnable), every, ""
    try:
        while not until():
            for delivery in deliveries:
                delivery.start(news)
            sleep(pause)
            fault: DeployKitError | None
            try:
                news = with_more(news, ledger.fetch_records(), runnable).after(_after(deliveries))
                fault, pause = ledger.fault, every
            except DeployKitError as error:
                fault = error
                pause = min(AWAY_MOST, pause * 2)
            if fault is not None and fault.message != known:
                say(f"going on with the records up to {news.records[-1].n}: {fault.message}")
            known = fault.message if fault is not None else ""
    finally:
        for delivery in deliveries:
            delivery.stop()
        end = time.monotonic() + ENDING
        for delivery in deliveries:
            delivery.wait(max(0.0, end - time.monotonic()))


def _first_news(ledger: Ledger, deliveries: Sequence[Delivery], runnable: Collection[str]) -> News:
    first = first_fresh(ledger.known, _after(deliveries), utc_now())
    return news_of(ledger.known, first, runnable)


def _after(deliveries: Sequence[Delivery]) -> int:
    """The number of the record up to which every sink is done."""
    return min(delivery.state.after for delivery in deliveries)
