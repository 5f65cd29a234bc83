"""gitshelf against another gitshelf, an older one for instance: the same work by turns.

    python3 -m venv /tmp/before && /tmp/before/bin/pip install CHECKOUT/gitshelf
    uv run --group bench python tests/benchmarks/bench_paired.py /tmp/before/bin/gitshelf [--runs N]

Whoever comes first changes from one pair to the next. A ratio is of the two runs of one pair, this
gitshelf's seconds through the other's, so that a machine that slows down meanwhile moves it little.
Everything is on tmpfs: what the disk has to write of earlier work is not measured. Prints Markdown.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import repositories
from measuring import Figure, call, measured, program, table
from peers import Gitshelf
from repositories import Pin

Pair = tuple[Figure, Figure]
"""What this gitshelf used, and what the other did."""


def row_of(what: str, pairs: Sequence[Pair]) -> list[str]:
    """Medians of wall seconds, and the median, least and greatest ratio of wall and of CPU."""
    return [
        what,
        f"{statistics.median(other.wall for _, other in pairs):.3f}",
        f"{statistics.median(this.wall for this, _ in pairs):.3f}",
        _spread([this.wall / other.wall for this, other in pairs]),
        _spread([this.cpu / other.cpu for this, other in pairs]),
    ]


def _spread(ratios: Sequence[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


class Version(Gitshelf):
    """A gitshelf by the path of its program, in a folder of its own."""

    def __init__(self, folder: Path, path: str) -> None:
        super().__init__(folder)
        self.path = path

    @property
    def argv(self) -> list[str]:
        return [self.path, *super().argv[1:]]

    def verify(self) -> None:
        """Verify the kit that was made last, with its SHA256SUMS beside it."""
        call([self.path, "verify", str(self.folder / "kit.tar")])

    def help(self) -> None:
        call([self.path, "--help"])


Both = tuple[Version, Version]


def by_turns(both: Both, runs: int, work: Callable[[Version], None]) -> list[Pair]:
    """The figures of so many pairs, after one of each that does not count."""
    this, other = both
    work(this)
    work(other)
    pairs = []
    for number in range(runs):
        if number % 2:
            pairs.append((measured(lambda: work(this)), measured(lambda: work(other))))
        else:
            first = measured(lambda: work(other))
            pairs.append((measured(lambda: work(this)), first))
    return pairs


def cold(version: Version) -> None:
    """A kit from nothing."""
    version.clear()
    version.make()


def rows_of(name: str, pins: Sequence[Pin], both: Both, runs: int) -> list[list[str]]:
    """What is done with some pins: from nothing, again, and verified."""
    for version in both:
        version.want(pins)
    return [
        row_of(f"{name}: build, cold", by_turns(both, runs, cold)),
        row_of(f"{name}: build, nothing changed", by_turns(both, 2 * runs, Version.make)),
        row_of(f"{name}: verify", by_turns(both, 2 * runs, Version.verify)),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path, help="the program of the other gitshelf")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--memory", type=Path, default=Path("/dev/shm"), help="a folder on tmpfs")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.memory, prefix="bench-paired-") as name:
        folder = Path(name)
        both = (
            Version(folder / "ours", program("gitshelf")),
            Version(folder / "theirs", str(given.other.absolute())),
        )
        rows = []
        for what, make in (
            ("seven bundles", repositories.bundles),
            ("corpus of 24", repositories.corpus),
            ("a thousand books", lambda servers: repositories.thousand(servers)[0]),
        ):
            servers = folder / what.replace(" ", "-")
            servers.mkdir()
            if pins := make(servers):
                rows += rows_of(what, pins, both, given.runs)
        rows.append(row_of("gitshelf --help", by_turns(both, 4 * given.runs, Version.help)))
    table(["what", "before, s", "now, s", "now : before, wall", "… CPU"], rows)


if __name__ == "__main__":
    main()
