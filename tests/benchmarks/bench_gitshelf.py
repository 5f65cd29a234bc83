"""How long a kit takes, what it needs, and how its peers do, as Markdown; medians of several runs.

    uv run --group bench python tests/benchmarks/bench_gitshelf.py [--runs N] [--only PART ...] \
        [--repo DIR]

The tools take turns within each run. Cold means that the tool starts from nothing; what the kernel
holds of the repositories is warm for all. Servers are bare repositories over file://, but for
bytes on the wire and for memory, where a git daemon on loopback has them. Android's repo takes
part if --repo names a checkout of its sources.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import repositories
from measuring import (
    Figure,
    Goal,
    at_most,
    call,
    goals,
    measured,
    median,
    peak_memory,
    program,
    table,
)
from peers import AndroidRepo, Gitshelf, Tool, Vcs, West
from repositories import Pin
from wire import serving

KINDS: list[type[Tool]] = [Gitshelf, Vcs, West]
_MEBI = 1 << 20


def compare(
    folder: Path, pins: Sequence[Pin], runs: int, bumped: Sequence[Pin] = ()
) -> dict[str, Figure]:
    """Medians by what was done: each tool cold, gitshelf again, and each tool with `bumped`."""
    tools = [kind(folder / kind.__name__) for kind in KINDS]
    figures: dict[str, list[Figure]] = {}

    def note(what: str, action: Callable[[], None]) -> None:
        os.sync()
        figures.setdefault(what, []).append(measured(action))

    for _ in range(runs):
        for tool in tools:
            tool.want(pins)
            tool.clear()
            note(f"{tool.name}, cold", tool.make)
            if isinstance(tool, Gitshelf):
                note(f"{tool.name}, nothing changed", tool.make)
            if bumped:
                tool.want(bumped)
                note(f"{tool.name}, three bumped", tool.make)
    return {what: median(values) for what, values in figures.items()}


def faster(what: str, figures: dict[str, Figure], state: str, wanted: float) -> Goal:
    """How many times gitshelf's time fits into the best peer's: wall time is judged, CPU time is
    given beside it, which other work on the machine hardly moves."""
    mine = figures[f"{Gitshelf.name}, {state}"]
    others = [figures[f"{kind.name}, {state}"] for kind in KINDS[1:]]
    wall = min(one.wall for one in others) / mine.wall
    cpu = min(one.cpu for one in others) / mine.cpu
    measured = f"{wall:.1f} times (CPU: {cpu:.1f})"
    return Goal(what, measured, f"at least {wanted:g} times", wall >= wanted)


def within(what: str, used: Figure, wanted: float) -> Goal:
    """A goal of taking at most so many seconds."""
    measured = f"{used.wall:.2f} s (CPU: {used.cpu:.2f} s)"
    return Goal(what, measured, f"at most {wanted:g} s", used.wall <= wanted)


def show(title: str, figures: dict[str, Figure]) -> None:
    """Print a table of medians."""
    print(f"\n### {title}")
    rows = [(what, f"{one.wall:.2f}", f"{one.cpu:.2f}") for what, one in figures.items()]
    table(("what", "wall, s", "CPU, s"), rows)


def bytes_on_the_wire(
    servers: Path, folder: Path, pins: Sequence[Pin]
) -> tuple[Goal, dict[str, int]]:
    """What each tool sends and receives, cold; git's own protocol through one counting relay."""
    used: dict[str, int] = {}
    for kind in KINDS:
        with serving(servers) as wire:
            tool = kind(folder / kind.__name__, wire.url)
            tool.want(pins)
            tool.make()
            used[kind.name] = wire.total
    mine, best = used[Gitshelf.name], min(used[kind.name] for kind in KINDS[1:])
    return (
        Goal(
            "bytes on the wire",
            f"{mine / 1e6:.2f} MB",
            f"at most {best / 1e6:.2f} MB",
            mine <= best,
        ),
        used,
    )


def side_by_side(
    title: str,
    pins: Sequence[Pin],
    servers: Path,
    systems: dict[str, Path],
    runs: int,
    wanted: dict[str, float],
) -> None:
    """One set of repositories on each file system."""
    reached = []
    for system, folder in systems.items():
        figures = compare(folder / title.replace(" ", "-"), pins, runs)
        show(f"{title}: {len(pins)} repositories, on {system}", figures)
        if system in wanted:
            reached.append(faster(f"cold, {system}", figures, "cold", wanted[system]))
    first = next(iter(systems.values()))
    bytes_goal, used = bytes_on_the_wire(servers, first / f"{title}-wire".replace(" ", "-"), pins)
    print(f"\n### {title}: bytes on the wire, cold")
    table(("what", "MB"), [(what, f"{count / 1e6:.2f}") for what, count in used.items()])
    print(f"\n### {title}: goals")
    goals([*reached, bytes_goal])


def bench_bundles(servers: Path, systems: dict[str, Path], runs: int) -> None:
    """The seven third-party bundles."""
    pins = repositories.bundles(servers)
    if pins:
        side_by_side("Seven bundles", pins, servers, systems, runs, {"ext4": 2})


def bench_corpus(servers: Path, systems: dict[str, Path], runs: int) -> None:
    """24 repositories with history."""
    pins = repositories.corpus(servers)
    side_by_side("Generated corpus", pins, servers, systems, runs, {"ext4": 3, "tmpfs": 1.3})


def bench_thousand(servers: Path, systems: dict[str, Path], runs: int) -> None:
    """A thousand small repositories: cold, three bumped, nothing changed."""
    old, new = repositories.thousand(servers)
    system, folder = next(iter(systems.items()))
    figures = compare(folder / "thousand", old, runs, new)
    show(f"A thousand books of 20 files, on {system}", figures)
    print("\n### A thousand books: goals")
    goals(
        [
            faster("cold", figures, "cold", 1.3),
            faster("three bumped", figures, "three bumped", 5),
            within("three bumped", figures[f"{Gitshelf.name}, three bumped"], 3),
            within("nothing changed", figures[f"{Gitshelf.name}, nothing changed"], 1),
        ]
    )


def bench_memory(servers: Path, systems: dict[str, Path], runs: int) -> None:
    """Peak memory of a cold build with all its children, the server apart."""
    folder = next(iter(systems.values())) / "memory"
    sets = {
        "one book of a 1 GB file": [repositories.plain(servers, "big", 1, 10**9)],
        "eight books of a 40 MB file": [
            repositories.plain(servers, f"eight{number}", 1, 40 * 10**6) for number in range(8)
        ],
        "six books of near-copies of an 8.3 MB file": [
            repositories.copies(servers, f"copies{number}", 6, 8_300_000) for number in range(6)
        ],
        "one book of 100,000 files": [repositories.plain(servers, "many", 100_000, 100)],
        "1,000 books of 20 files": repositories.thousand(servers / "memory")[0],
    }
    reached = []
    for what, pins in sets.items():
        with serving(servers) as wire:
            tool = Gitshelf(folder / what.replace(" ", "-"), wire.url)
            tool.want(pins)
            cold = peak_memory(tool.argv, XDG_CACHE_HOME=tool.cache) / _MEBI
            again = peak_memory(tool.argv, XDG_CACHE_HOME=tool.cache) / _MEBI
        check = peak_memory([program("gitshelf"), "verify", tool.argv[-1]]) / _MEBI
        reached += [
            at_most(f"build, cold, {what}", cold, 200, "MiB"),
            at_most(f"build, nothing changed, {what}", again, 200, "MiB"),
            at_most(f"verify, {what}", check, 200, "MiB"),
        ]
        tool.clear()
    print("\n### Peak memory, git's processes included, the server excluded")
    goals(reached)


def bench_verify(servers: Path, systems: dict[str, Path], runs: int) -> None:
    """`gitshelf verify` of a plain tar, held to one processor."""
    folder = next(iter(systems.values())) / "verify"
    rows, reached = [], []
    for what, files, size in (("64 KiB", 6_000, 65_536), ("1 KiB", 60_000, 1024)):
        tool = Gitshelf(folder / what.replace(" ", "-"))
        tool.want([repositories.plain(servers, f"verify{size}", files, size)])
        tool.make()
        kit = Path(tool.argv[-1])
        cpu = min(os.sched_getaffinity(0))
        argv = ["taskset", "-c", str(cpu), program("gitshelf"), "verify", str(kit)]
        used = median([measured(lambda argv=argv: call(argv)) for _ in range(runs)])  # type: ignore[misc]
        speed, rate = kit.stat().st_size / 1e6 / used.wall, files / used.wall
        by_cpu = used.wall / used.cpu
        row = [f"{used.wall:.2f}", f"{used.cpu:.2f}", f"{speed:.0f}", f"{rate:.0f}"]
        rows.append((f"{files} files of {what}", *row))
        if size == 1024:
            said = f"{rate:.0f}/s (per CPU second: {rate * by_cpu:.0f})"
            reached.append(Goal("small files", said, "at least 15000/s", rate >= 15_000))
        else:
            said = f"{speed:.0f} MB/s (per CPU second: {speed * by_cpu:.0f})"
            reached.append(Goal("files of 64 KiB", said, "at least 150 MB/s", speed >= 150))
        tool.clear()
    print("\n### gitshelf verify of a plain tar, one processor")
    table(("kit", "wall, s", "CPU, s", "MB/s", "files/s"), rows)
    goals(reached)


def bench_startup(servers: Path, systems: dict[str, Path], runs: int) -> None:
    """`gitshelf --help`, and a build that has nothing to do."""
    folder = next(iter(systems.values())) / "startup"
    tool = Gitshelf(folder)
    tool.want([repositories.plain(servers, "startup", 20, 100)])
    tool.make()
    argv = [program("gitshelf"), "--help"]
    helped = median(measured(lambda: call(argv)) for _ in range(2 * runs))
    nothing = median(measured(tool.make) for _ in range(2 * runs))
    print("\n### Start")
    goals(
        [
            within("gitshelf --help", helped, 0.15),
            within("gitshelf build of one book, nothing changed", nothing, 0.15),
        ]
    )


PARTS = {
    "bundles": bench_bundles,
    "corpus": bench_corpus,
    "thousand": bench_thousand,
    "memory": bench_memory,
    "verify": bench_verify,
    "startup": bench_startup,
}


def file_system(folder: Path) -> str:
    """The kind of file system that a folder is on."""
    argv = ["findmnt", "-n", "-o", "FSTYPE", "--target", str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout.split()[0] if done.stdout.strip() else "disk"


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--work", type=Path, help="a folder on disk (default: a temporary one)")
    parser.add_argument("--memory", type=Path, default=Path("/dev/shm"), help="a folder on tmpfs")
    parser.add_argument("--repo", type=Path, metavar="DIR", help="a checkout of Android's repo")
    given = parser.parse_args()
    if given.repo:
        AndroidRepo.checkout = given.repo.resolve()
        if not (AndroidRepo.checkout / "repo").is_file():
            parser.error(f"--repo {given.repo}: no program `repo` in it; name a clone of git-repo")
        KINDS.append(AndroidRepo)
    for part in given.only:
        with (
            tempfile.TemporaryDirectory(dir=given.work, prefix="bench-gitshelf-") as disk,
            tempfile.TemporaryDirectory(dir=given.memory, prefix="bench-gitshelf-") as memory,
        ):
            servers = Path(disk) / "servers"
            servers.mkdir()
            systems = {file_system(Path(folder)): Path(folder) for folder in (disk, memory)}
            PARTS[part](servers, systems, given.runs)


if __name__ == "__main__":
    main()
