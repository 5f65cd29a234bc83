"""How many starts at once: more while it goes well, half when it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.pools.machine import look_at_machine
from deploykit.pools.throttle import BACKOFF_MOST, Signs, Throttle, adapt, backoff, host_backoff

WELL = Signs(0.5, 0.0, 0.1, 0.5)


def test_starts_that_go_well_make_it_one_more_each_round_up_to_the_most() -> None:
    throttle, seen = Throttle(), []
    for now in range(12):
        throttle = adapt(throttle, WELL, int(throttle.limit), 6, float(now))
        seen.append(int(throttle.limit))
    assert seen[0] == 3 and seen[-1] == 6 and seen == sorted(seen)


def test_nothing_that_started_proves_nothing() -> None:
    assert adapt(Throttle(3.0), WELL, 0, 8, 10.0).limit == 3.0


@pytest.mark.parametrize(
    ("signs", "told"),
    [
        (Signs(2.5, 0, 0.1, 0.5), "load 2.5"),
        (Signs(0.5, 20, 0.1, 0.5), "memory pressure 20 %"),
        (Signs(0.5, 0, 5.0, 0.5), "answers take 5.0 s"),
        (Signs(0.5, 0, 0.1, 0.01), "1% of memory is free"),
        (Signs(0.5, 0, 0.1, 0.5, 2), "2 starts failed"),
    ],
)
def test_trouble_halves_it_once_and_says_what_it_is(signs: Signs, told: str) -> None:
    cut = adapt(Throttle(8.0), signs, 4, 8, 100.0)
    assert cut == Throttle(4.0, 100.0)
    assert told in signs.trouble()
    assert adapt(cut, signs, 0, 8, 110.0) == cut, "the first has to show first"
    assert adapt(cut, signs, 0, 8, 200.0).limit == 2.0
    assert adapt(Throttle(1.0), signs, 0, 8, 999.0).limit == 1.0, "never none"


def test_failures_make_it_ever_longer_and_a_host_waits_for_a_minute_at_most() -> None:
    assert [backoff(n) for n in (0, 1, 2, 3, 50)] == [0.0, 15.0, 30.0, 60.0, BACKOFF_MOST]
    assert host_backoff(9) == 60.0


def test_machine_is_read_from_proc_and_pressure_where_the_kernel_has_it(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 1000 kB\nMemAvailable: 250 kB\n")
    (tmp_path / "loadavg").write_text("3.50 1 1 1/1 1\n")
    found = look_at_machine(tmp_path)
    assert (found.memory, found.free, found.room, found.pressure) == (1024000, 256000, 819200, 0.0)
    assert found.load > 0
    (tmp_path / "pressure").mkdir()
    (tmp_path / "pressure" / "memory").write_text("some avg10=12.50 avg60=1\nfull avg10=0.00\n")
    assert look_at_machine(tmp_path).pressure == 12.5
