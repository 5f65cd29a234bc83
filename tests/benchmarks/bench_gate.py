"""How long the gate takes, by a clock that costs no time: beside an oracle and a serial gate.

The oracle has the same rules, looks at once and acts in no time; the gate looks every second and
takes a twentieth for each merge, start and submit. Prints the table of docs/benchmarks.md. With
`--gerrit` instead: what the gate itself takes, in seconds and CPU, on a real Gerrit.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import gerrit
from gatefigures import NothingJobs, cost
from gatesite import GateSite
from gateworld import World, makespan, random_changes, serially

PERIOD, PER_ACT = 1.0, 0.05  # seconds


def main(words: list[str]) -> None:
    if words == ["--gerrit"]:
        on_gerrit()
    else:
        simulated()


def on_gerrit(count: int = 20) -> None:
    with tempfile.TemporaryDirectory() as folder, gerrit.running(Path(folder) / "g") as server:
        found = cost(
            GateSite(server, Path(folder) / "gate", "bench", executor=NothingJobs()), count
        )
    print(f"{count} changes: {found.seconds:.1f} s, {found.cpu:.2f} s of CPU for each")


def simulated() -> None:
    print(
        "| changes | bad | serial, s | oracle, s | gate, s | gate : oracle "
        "| wasted, job-s | CPU, s |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for count in (20, 200):
        for bad in (0.0, 0.1, 0.2):
            print(row(count, bad))


def row(count: int, bad: float) -> str:
    worlds = [World() for _ in range(3)]
    for world in worlds:
        random_changes(world, count, bad, seed=7)
    serial = serially(worlds[0])
    oracle = makespan(worlds[1])
    began = time.process_time()
    gate = makespan(worlds[2], period=PERIOD, per_act=PER_ACT)
    cpu = time.process_time() - began
    assert worlds[0].order == worlds[1].order == worlds[2].order
    return (
        f"| {count} | {bad:.0%} | {serial:,.0f} | {oracle:,.0f} "
        f"| {gate:,.0f} | {gate / oracle:.2f} "
        f"| {worlds[2].wasted:,.0f} | {cpu:.1f} |"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
