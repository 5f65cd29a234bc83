"""What looking for drift takes of a processor: docs/benchmarks.md, "Drift".

    .venv/bin/python tests/benchmarks/bench_drift.py --nodes SITE ENVIRONMENT [--looks N]

Needs an environment that a release was deployed to; changes nothing there and records nothing.
Each node's own control group says what its processes used, idle for as long as a look took before
and during it: the difference is what the look cost. An hourly schedule spreads that over an hour.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.parallel import answers_of
from deploykit.base.progress import Silent
from deploykit.care.drift.look import look_for_drift
from deploykit.ledger import Ledger
from deploykit.nodes.inventory import Inventory
from deploykit.nodes.ssh import run_on
from deploykit.rollout.work import Work, working
from deploykit.site import open_site
from measuring import Goal, at_most, goals, measured, table

HOUR = 3600.0
MOST = 5.0  # per cent of a core
AT_ONCE = 8
# Nanoseconds; the second is the first version of control groups.
USED = r"""awk '$1 == "usage_usec" {print $2 "000"}' /sys/fs/cgroup/cpu.stat 2>/dev/null |
grep . || cat /sys/fs/cgroup/cpuacct/cpuacct.usage"""


@dataclass(frozen=True)
class Cost:
    """Processor seconds of one look: on each node beyond idling, and on this machine."""

    nodes: dict[str, float]
    here: float
    wall: float


def used(inventory: Inventory) -> dict[str, float]:
    """The processor seconds that each node has used since it was started."""

    def ask(name: str) -> float:
        return int(run_on(inventory.host(name), inventory, USED, timeout=30).stdout) / 1e9

    names = [host.name for host in inventory.there]
    return answers_of(names, ask, AT_ONCE)


def spent(inventory: Inventory, action: Callable[[], object]) -> dict[str, float]:
    """What the nodes use while `action` runs."""
    before = used(inventory)
    action()
    return {name: after - before[name] for name, after in used(inventory).items()}


def one_look(work: Work, ledger: Ledger, inventory: Inventory) -> Cost:
    """Look for drift once, then let the nodes idle for as long."""
    own = time.process_time()
    busy: dict[str, float] = {}

    def look() -> None:
        busy.update(spent(inventory, lambda: look_for_drift(work, ledger.known, inventory)))

    figure = measured(look)
    here = figure.cpu + time.process_time() - own
    idle = spent(inventory, lambda: time.sleep(figure.wall))
    return Cost({name: max(0.0, busy[name] - idle[name]) for name in busy}, here, figure.wall)


def per_cent(seconds: float) -> str:
    return f"{100 * seconds / HOUR:.2f} %"


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    words.add_argument("--nodes", nargs=2, metavar=("SITE", "ENVIRONMENT"), required=True)
    words.add_argument("--looks", type=int, default=3)
    given = words.parse_args()
    site = open_site(Path(given.nodes[0]))
    environment = site.environment(given.nodes[1])
    with working(site, Silent(), "bench-drift") as work:
        inventory = work.inventory(environment)
        costs = [one_look(work, Ledger.open(site), inventory) for _ in range(given.looks)]
    wall = statistics.median(cost.wall for cost in costs)
    print(f"{environment.name}: {given.looks} looks, {wall:.1f} s each (median)")
    rows = {
        f"{host.name} ({', '.join(host.roles)})": statistics.median(
            cost.nodes[host.name] for cost in costs
        )
        for host in inventory.there
    }
    rows["this machine"] = statistics.median(cost.here for cost in costs)
    table(
        ("where", "processor seconds of a look", "of a core, hourly"),
        [(name, f"{seconds:.2f}", per_cent(seconds)) for name, seconds in rows.items()],
    )
    found = [at_most("busiest node, of a core", 100 * max(rows.values()) / HOUR, MOST, "%")]
    goals([*found, _all_of(rows)])
    sys.exit(not all(goal.met for goal in found))


def _all_of(rows: dict[str, float]) -> Goal:
    """The whole environment: what a host of containers pays, who has all of them."""
    return at_most("all of them together, of a core", 100 * sum(rows.values()) / HOUR, MOST, "%")


if __name__ == "__main__":
    main()
