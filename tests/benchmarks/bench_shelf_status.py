"""How long `gitshelf status` takes beside `vcs status`, on one shelf; medians of several runs.

    uv run --group bench python tests/benchmarks/bench_shelf_status.py [--books N] [--runs N]

Both look at the same clones, which gitshelf installed, one after the other in each run.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILES = 20


def main() -> None:
    """Make the shelf, time both tools, print a line for each."""
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
        manifest = servers(folder, chosen.books)
        bin_ = Path(sys.executable).parent
        gitshelf = [str(bin_ / "gitshelf")]
        print(f"{chosen.books} books of {FILES} files, medians of {chosen.runs} (wall s, CPU s)")
        install = [*gitshelf, "install", "--gitshelf", str(manifest)]
        print("gitshelf install   {:6.2f}  {:6.2f}".format(*timed(install, shelf)))
        print("gitshelf install 2 {:6.2f}  {:6.2f}".format(*timed(install, shelf)))
        tools = {
            "gitshelf status": [*gitshelf, "status", "--gitshelf", str(manifest)],
            "vcs status": [str(bin_ / "vcs"), "status", "."],
        }
        took: dict[str, list[tuple[float, float]]] = {tool: [] for tool in tools}
        for _ in range(chosen.runs):
            for tool, command in tools.items():
                took[tool].append(timed(command, shelf))
        for tool, times in took.items():
            wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
            print(f"{tool:18} {wall:6.2f}  {cpu:6.2f}")


def servers(folder: Path, books: int) -> Path:
    """A manifest of so many generated repositories."""
    lines = ["books:\n"]
    for number in range(books):
        bare = folder / "servers" / f"book{number}.git"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], check=True)
        stream = b"commit refs/heads/main\ncommitter T <t@e> 1700000000 +0000\ndata 1\nx\n"
        for file in range(FILES):
            data = b"file %d of book %d\n" % (file, number) * 30
            stream += b"M 644 inline d%d/f%d\ndata %d\n%b\n" % (file % 4, file, len(data), data)
        subprocess.run(["git", "fast-import", "--quiet"], cwd=bare, input=stream, check=True)
        commit = subprocess.run(
            ["git", "rev-parse", "main"], cwd=bare, capture_output=True, text=True, check=True
        ).stdout.strip()
        lines.append(f"- book: g{number % 10}/b{number}\n  git: {bare.as_uri()}\n")
        lines.append(f"  branch: {commit}\n")
    manifest = folder / "gitshelf.yml"
    manifest.write_text("".join(lines))
    return manifest


def timed(command: list[str], cwd: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a command with its children."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=cwd, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, used


if __name__ == "__main__":
    main()
