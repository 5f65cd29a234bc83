"""What the sandbox adds to one run of what a release brings: docs/benchmarks.md, "The sandbox".

    .venv/bin/python tests/benchmarks/bench_sandbox.py [RUNS]

Each program is run in turns with and without; nothing of it needs nodes.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable

from deploykit.base.process import run
from deploykit.base.sandbox import (
    Sandbox,
    environment,
    private_folders,
    python_folders,
    run_confined,
)

PROGRAMS = {
    "true": ["true"],
    "python -c 'import pytest'": [sys.executable, "-c", "import pytest"],
}


def main(runs: int) -> None:
    box = Sandbox(shown=python_folders(), hidden=private_folders())
    print("| program | without, ms | in the sandbox, ms | added, ms |\n| --- | --- | --- | --- |")
    for name, argv in PROGRAMS.items():
        ways: tuple[Callable[[], float], ...] = (
            lambda argv=argv: run(argv, timeout=60, env=environment()).seconds,  # type: ignore[misc]
            lambda argv=argv: run_confined(box, argv, timeout=60, env={}).seconds,  # type: ignore[misc]
        )
        taken: tuple[list[float], list[float]] = ([], [])
        for _ in range(runs):
            for way, seconds in zip(ways, taken, strict=True):
                seconds.append(way())
        without, inside = (1000 * statistics.median(seconds) for seconds in taken)
        pairs = zip(*taken, strict=True)
        added = 1000 * statistics.median(after - before for before, after in pairs)
        print(f"| `{name}` | {without:.1f} | {inside:.1f} | {added:.1f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
