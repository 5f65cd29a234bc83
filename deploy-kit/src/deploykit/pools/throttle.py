"""How many starts a host bears at once: more as long as it goes well, half when it does not. Pure.

As TCP does with a line whose width nobody knows (AIMD): no fixed number is right for a laptop at
noon and the same laptop at night.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST = 2.0  # starts at once, before anything is known
LEAST = 1.0
BUSY_LOAD = 2.0  # processes that want to run, for each processor
PRESSURE = 10.0  # per cent of time that some process waits for memory (PSI, of ten seconds)
SLOW = 3.0  # seconds for one answer of what makes nodes
SCARCE = 0.05  # of the memory
COOLING = 30.0  # seconds between two halvings: the first has to show first
BACKOFF_FIRST, BACKOFF_MOST = 15.0, 1800.0  # seconds without a start after failures
HOST_BACKOFF_MOST = 60.0


@dataclass(frozen=True, slots=True)
class Signs:
    """How a host is: runnable processes for each processor, memory pressure in per cent (0 where
    the kernel does not say), the seconds of one answer, free memory as a part of all of it, and
    starts that failed since the last look."""

    load: float
    pressure: float
    latency: float
    free: float
    failed: int = 0

    def trouble(self) -> str:
        """What it suffers from, in words; "" if it does not."""
        found = [
            (self.failed > 0, f"{self.failed} starts failed"),
            (self.load > BUSY_LOAD, f"load {self.load:.1f} for each processor"),
            (self.pressure > PRESSURE, f"memory pressure {self.pressure:.0f} %"),
            (self.latency > SLOW, f"answers take {self.latency:.1f} s"),
            (self.free < SCARCE, f"{self.free:.0%} of memory is free"),
        ]
        return ", ".join(text for is_so, text in found if is_so)


@dataclass(frozen=True, slots=True)
class Throttle:
    """At most `limit` starts at once; it was halved last at `cut` (seconds)."""

    limit: float = FIRST
    cut: float = 0.0


def adapt(throttle: Throttle, signs: Signs, succeeded: int, most: int, now: float) -> Throttle:
    """The throttle after a look at the host, since the last of which `succeeded` starts went well.

    One more for each round of starts that went well, at most `most`; half at the first sign of
    trouble, once in COOLING seconds.
    """
    if signs.trouble():
        if now - throttle.cut < COOLING:
            return throttle
        return Throttle(max(LEAST, throttle.limit / 2), now)
    return Throttle(min(float(most), throttle.limit + succeeded / throttle.limit), throttle.cut)


def backoff(failures: int) -> float:
    """Seconds until the next try after so many failures in a row: 15 s, 30 s ... half an hour."""
    return min(BACKOFF_MOST, BACKOFF_FIRST * 2.0 ** min(failures - 1, 10)) if failures else 0.0


def host_backoff(failures: int) -> float:
    """The same for a host: short, as the fault may be one pool's alone, which waits by itself."""
    return min(HOST_BACKOFF_MOST, backoff(failures))
