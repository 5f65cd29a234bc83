"""How long a kit takes: gitshelf beside `vcs import --shallow` + tar, medians of several runs.

    uv run --group bench python tests/benchmarks/bench_gitshelf.py [--runs N] [--work FOLDER]

Cold means an empty cache of the tool; what the kernel holds of the repositories is warm for both.
Servers are bare repositories over file://. `--work` chooses the file system that is written to.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GIT = ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "gc.auto=0"]


@dataclass(frozen=True)
class Pin:
    """A repository and the commit to take of it."""

    name: str
    url: str
    commit: str


def books(folder: Path) -> list[Pin]:
    """The seven bundles as bare repositories, ten first-parent commits below their heads."""
    pins = []
    source = Path(os.environ.get("SHELF_BOOKS", ROOT.parent / "shared" / "books"))
    for bundle in sorted(source.glob("*.bundle")):
        bare = folder / f"{bundle.stem}.git"
        call([*GIT, "clone", "-q", "--bare", str(bundle), str(bare)])
        commit = call([*GIT, "-C", str(bare), "rev-parse", "HEAD~10"]).strip()
        pins.append(Pin(bundle.stem, bare.as_uri(), commit))
    return pins


def corpus(folder: Path, repositories: int = 24, files: int = 14_000) -> list[Pin]:
    """Generated repositories with history: text of real-looking sizes, edited commit by commit."""
    chance = random.Random(20260101)
    words = [
        "".join(chance.choices("abcdefghijklmnopqrstuvwxyz_", k=chance.randint(2, 11)))
        for _ in range(4000)
    ]
    per = files // repositories
    pins = []
    for number in range(repositories):
        bare = folder / f"corpus{number:02}.git"
        call([*GIT, "init", "-q", "--bare", str(bare)])
        stream = list(history(chance, words, per + (number < files % repositories)))
        subprocess.run(
            [*GIT, "-C", str(bare), "fast-import", "--quiet"], input=b"".join(stream), check=True
        )
        call([*GIT, "-C", str(bare), "repack", "-q", "-a", "-d"])
        commit = call([*GIT, "-C", str(bare), "rev-parse", "refs/heads/master~3"]).strip()
        pins.append(Pin(bare.stem, bare.as_uri(), commit))
    return pins


def history(chance: random.Random, words: list[str], files: int, commits: int = 30) -> list[bytes]:
    """A fast-import stream: all files at first, then a dozen of them changed per commit."""

    def text() -> bytes:
        lines = int(chance.lognormvariate(3.9, 1.0)) + 1
        return (
            "\n".join(
                " ".join(chance.choices(words, k=chance.randint(1, 9))) for _ in range(lines)
            ).encode()
            + b"\n"
        )

    paths = [
        f"{chance.choice(words)}/{chance.choice(words)}/{chance.choice(words)}{i}.yml"
        for i in range(files)
    ]
    out: list[bytes] = []
    for commit in range(commits):
        changed = paths if commit == 0 else chance.sample(paths, min(12, files))
        out.append(
            b"commit refs/heads/master\ncommitter b <b@localhost> %d +0000\ndata 1\nx\n"
            % (1_700_000_000 + commit * 3600)
        )
        for path in changed:
            body = text()
            out.append(b"M 644 inline %b\ndata %d\n%b\n" % (path.encode(), len(body), body))
    return out


def call(argv: list[str], **extra: str) -> str:
    """Run a program to its end and give what it printed."""
    done = subprocess.run(argv, env={**os.environ, **extra}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{argv[:4]} failed: {done.stderr or done.stdout}")
    return done.stdout


def measured(action: Callable[[], object]) -> tuple[float, float]:
    """Wall seconds, and CPU seconds of the children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    action()
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu


def compare(title: str, pins: list[Pin], work: Path, runs: int, vcs: str | None) -> None:
    """Print one table."""
    work.mkdir(parents=True, exist_ok=True)
    manifest, repos = work / "gitshelf.yml", work / "books.repos"
    manifest.write_text(
        "defaults: {submodules: omit}\nbooks:\n"
        + "".join(f"- {{book: {p.name}, git: '{p.url}', branch: {p.commit}}}\n" for p in pins)
    )
    repos.write_text(
        "repositories:\n"
        + "".join(f"  {p.name}: {{type: git, url: '{p.url}', version: {p.commit}}}\n" for p in pins)
    )
    gitshelf = str(Path(sys.executable).with_name("gitshelf"))
    cache, kit, tree = work / "cache", work / "kit.tar", work / "tree"

    def build() -> None:
        call(
            [gitshelf, "build", "--gitshelf", str(manifest), "--output", str(kit)],
            XDG_CACHE_HOME=str(cache),
        )

    def cold() -> None:
        build()

    def peer() -> None:
        tree.mkdir()
        call([str(vcs), "import", "--shallow", "--input", str(repos), str(tree)])
        call(["tar", "--exclude=.git", "-cf", str(work / "peer.tar"), "-C", str(tree), "."])

    figures: dict[str, list[tuple[float, float]]] = {}
    for _ in range(runs):
        shutil.rmtree(cache, ignore_errors=True)
        kit.unlink(missing_ok=True)
        os.sync()
        figures.setdefault("gitshelf build, cold", []).append(measured(cold))
        figures.setdefault("gitshelf build, warm", []).append(measured(build))
        if vcs:
            shutil.rmtree(tree, ignore_errors=True)
            os.sync()
            figures.setdefault("vcs import --shallow + tar", []).append(measured(peer))
    verify = [gitshelf, "verify", str(kit)]
    figures["gitshelf verify"] = [measured(lambda: call(verify)) for _ in range(runs)]
    print(f"\n{title}: {len(pins)} repositories, kit of {kit.stat().st_size / 1e6:.1f} MB\n")
    print("| what | wall s | CPU s |\n| --- | --- | --- |")
    for name, values in figures.items():
        wall, cpu = (statistics.median(v[i] for v in values) for i in (0, 1))
        print(f"| {name} | {wall:.2f} | {cpu:.2f} |")
    if vcs:
        wall = {name: statistics.median(v[0] for v in values) for name, values in figures.items()}
        factor = wall["vcs import --shallow + tar"] / wall["gitshelf build, cold"]
        print(f"\ncold: {factor:.1f} times faster than vcs")


def main() -> None:
    """Run both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--work", type=Path, help="where to work (default: a temporary folder)")
    given = parser.parse_args()
    beside = Path(sys.executable).with_name("vcs")
    vcs = str(beside) if beside.exists() else shutil.which("vcs")
    with tempfile.TemporaryDirectory(dir=given.work, prefix="bench-gitshelf-") as folder:
        work = Path(folder)
        (work / "servers").mkdir()
        pins = books(work / "servers")
        if pins:
            compare("Seven bundles", pins, work / "books", given.runs, vcs)
        pins = corpus(work / "servers")
        compare("Generated corpus", pins, work / "corpus", given.runs, vcs)
        argv = [str(Path(sys.executable).with_name("gitshelf")), "--help"]
        begun = [measured(lambda: call(argv))[0] for _ in range(10)]
        print(f"\n`gitshelf --help`: {statistics.median(begun):.2f} s")


if __name__ == "__main__":
    main()
