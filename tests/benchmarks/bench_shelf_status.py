"""How long `gitshelf status` takes beside `vcs status`, on one shelf; medians of several runs.

    uv run --group bench python tests/benchmarks/bench_shelf_status.py [--books N] [--runs N]

Both look at the same clones, which gitshelf installed, one after the other in each run.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import repositories
from measuring import Figure, Goal, call, goals, measured, median, program, table

WANTED = 2


def main() -> None:
    """Make the shelf, time both tools, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--books", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--work", type=Path, default=None, help="where to write (a file system)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-status-", dir=chosen.work) as name:
        folder = Path(name)
        shelf = folder / "shelf"
        shelf.mkdir()
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        manifest = written(folder, chosen.books)
        install = [program("gitshelf"), "install", "--gitshelf", str(manifest)]
        took: dict[str, list[Figure]] = {
            "gitshelf install, first": [measured(lambda: call(install, shelf))],
            "gitshelf install, again": [measured(lambda: call(install, shelf))],
        }
        tools = {
            "gitshelf status": [program("gitshelf"), "status", "--gitshelf", str(manifest)],
            "vcs status": [program("vcs"), "status", "."],
        }
        for _ in range(chosen.runs):
            for tool, command in tools.items():
                used = measured(lambda command=command: call(command, shelf))  # type: ignore[misc]
                took.setdefault(tool, []).append(used)
        show(chosen.books, {what: median(values) for what, values in took.items()})


def written(folder: Path, books: int) -> Path:
    """A manifest of so many generated repositories."""
    (folder / "servers").mkdir()
    pins, _ = repositories.thousand(folder / "servers", books)
    manifest = folder / "gitshelf.yml"
    lines = [f"- {{book: {p.name}, git: '{p.bare.as_uri()}', branch: {p.commit}}}\n" for p in pins]
    manifest.write_text("books:\n" + "".join(lines))
    return manifest


def show(books: int, figures: dict[str, Figure]) -> None:
    """Print the medians and the goal."""
    print(f"\n### A shelf of {books} installed books")
    rows = [(what, f"{one.wall:.2f}", f"{one.cpu:.2f}") for what, one in figures.items()]
    table(("what", "wall, s", "CPU, s"), rows)
    mine, other = figures["gitshelf status"], figures["vcs status"]
    factor = other.wall / mine.wall
    said = f"{factor:.1f} times (CPU: {other.cpu / mine.cpu:.1f})"
    goals([Goal("status", said, f"at least {WANTED} times", factor >= WANTED)])


if __name__ == "__main__":
    main()
